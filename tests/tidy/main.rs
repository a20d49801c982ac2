//! What a machine can check of docs/STYLE.md: heads, sizes, arrows between rooms, twin files, unfinished marks.
//! TIDY-1: an exemption that is no longer needed is an error, so that the lists only shrink.
//! Every check is a function of a tree of texts, and is shown a tree that breaks it. Compiles and runs nothing.

mod files;
mod rooms;
mod rust_text;
mod tree;
mod twins;

use tree::Tree;

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_rust_file_opens_with_what_it_is() {
    assert_none(files::without_head(&Tree::of_repository()));
}

#[test]
fn files_stay_short() {
    assert_none(files::too_long(&Tree::of_repository(), files::LONG_FILES));
}

#[test]
fn functions_stay_short() {
    assert_none(files::functions_too_long(&Tree::of_repository(), files::LONG_FUNCTIONS));
}

#[test]
fn nothing_is_marked_unfinished() {
    assert_none(files::unfinished(&Tree::of_repository()));
}

#[test]
fn no_path_of_a_developers_machine_is_named() {
    assert_none(files::machine_paths(&Tree::of_repository()));
}

#[test]
fn no_rust_file_is_dead() {
    assert_none(files::dead(&Tree::of_repository()));
}

#[test]
fn dependencies_point_left() {
    assert_none(rooms::wrong_arrows(&Tree::of_repository()));
}

#[test]
fn pure_rooms_stay_pure() {
    assert_none(rooms::impure(&Tree::of_repository()));
}

#[test]
fn sdks_are_named_in_adapters_only() {
    assert_none(rooms::stray_sdk_names(&Tree::of_repository()));
}

#[test]
fn heavy_crates_are_locked_in_one_version() {
    assert_none(rooms::doubled_crates(&Tree::of_repository()));
}

#[test]
fn every_vendor_has_its_files() {
    assert_none(twins::incomplete_vendors(&Tree::of_repository()));
}

#[test]
fn every_function_has_a_handler() {
    assert_none(twins::functions_without_handler(&Tree::of_repository()));
}

#[test]
fn every_model_is_described() {
    assert_none(twins::undescribed_models(&Tree::of_repository()));
}

#[test]
fn decisions_are_numbered() {
    assert_none(twins::misnumbered_decisions(&Tree::of_repository()));
}
