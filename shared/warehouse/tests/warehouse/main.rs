//! The warehouse as its callers see it: projects rendered, refused, run and tested over small lakes.
//! One binary, because each links the whole SQL engine.

#![allow(clippy::unwrap_used, reason = "everything here is a test or its helper")]

mod data_tests;
mod graph;
mod marts;
mod rendering;
mod runs;
mod sql;
mod support;
