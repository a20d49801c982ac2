//! Order, circles and selection.

use crate::support::{graph, refusal};

const CHAIN: [(&str, &str); 5] = [
    ("models/staging/a.sql", "select 1 as n"),
    ("models/staging/b.sql", "{{ config(tags=['odd']) }}select n from {{ ref('a') }}"),
    ("models/marts/c.sql", "select n from {{ ref('b') }}"),
    ("models/marts/d.sql", "{{ config(tags='odd') }}select n from {{ ref('a') }}"),
    ("models/marts/e.sql", "select c.n from {{ ref('c') }} as c cross join {{ ref('d') }} as d"),
];

fn selected(selectors: &[&str]) -> String {
    let graph = graph(&CHAIN).unwrap();
    let selectors: Vec<String> = selectors.iter().map(|selector| (*selector).to_owned()).collect();
    match graph.select(&selectors) {
        Ok(names) => names.into_iter().collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

#[test]
fn models_come_after_what_they_read() {
    let graph = graph(&CHAIN).unwrap();
    assert_eq!(graph.order, ["a", "b", "c", "d", "e"]);
    assert_eq!(graph.models["c"].sql, "select n from staging.b");
    assert_eq!(graph.models["c"].relation(), "gold.c");
}

#[test]
fn selectors_choose_names_parents_children_and_tags() {
    assert_eq!(selected(&[]), "a b c d e");
    assert_eq!(selected(&["c"]), "c");
    assert_eq!(selected(&["+c"]), "a b c");
    assert_eq!(selected(&["b+"]), "b c e");
    assert_eq!(selected(&["+c+"]), "a b c e");
    assert_eq!(selected(&["tag:odd"]), "b d");
    assert_eq!(selected(&["tag:odd+ a"]), "a b c d e");
    assert_eq!(selected(&["c", "d"]), "c d");
}

#[test]
fn selectors_that_choose_nothing_are_errors() {
    assert_eq!(selected(&["ab"]), "selection \"ab\": no model has this name; did you mean a, b, c?");
    assert_eq!(selected(&["tag:even"]), "selection \"tag:even\": no model has this tag");
    assert_eq!(selected(&["@c"]), "selection \"@c\": write name, +name, name+, +name+ or tag:word");
}

#[test]
fn a_circle_is_named() {
    let message = refusal(&[
        ("models/a.sql", "select * from {{ ref('c') }}"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
        ("models/c.sql", "select * from {{ ref('b') }}"),
        ("models/z.sql", "select * from {{ ref('a') }}"),
    ]);
    assert_eq!(message, "models depend on each other in a circle: a -> c -> b -> a; remove one of these refs");
}
