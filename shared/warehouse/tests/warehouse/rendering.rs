//! What templates become, and what is refused.

use touchline_warehouse::{Graph, Project, Target};

use crate::support::{graph, refusal};

fn rendered(target: Target) -> String {
    let graph = Graph::build(Project::embedded().unwrap(), target).unwrap();
    let mut text = String::new();
    for name in &graph.order {
        let model = &graph.models[name];
        text.push_str(&format!("==== {} ({:?})\n{}\n", model.relation(), model.materialized, model.sql));
    }
    text
}

#[test]
fn the_project_renders_for_datafusion() {
    insta::assert_snapshot!(rendered(Target::DataFusion));
}

#[test]
fn only_dispatched_macros_tell_the_targets_apart() {
    let (ours, duckdb, athena) = (rendered(Target::DataFusion), rendered(Target::DuckDb), rendered(Target::Athena));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let differences = |other: &str| {
        lines(&ours)
            .iter()
            .zip(lines(other))
            .filter(|(left, right)| *left != right)
            .map(|(left, right)| format!("{}\n{}", left.trim(), right.trim()))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(lines(&ours).len(), lines(&duckdb).len());
    insta::assert_snapshot!(format!("-- duckdb\n{}\n-- athena\n{}", differences(&duckdb), differences(&athena)));
}

#[test]
fn macros_dispatch_by_target_and_call_each_other() {
    let files = [
        (
            "macros/a.sql",
            "{% macro twice(x) %}{{ return(adapter.dispatch('twice')(x)) }}{% endmacro %}\n{% macro default__twice(x) %}2 * {{ once(x) }}{% endmacro %}\n{% macro duckdb__twice(x) %}duck({{ x }}){% endmacro %}",
        ),
        ("macros/b.sql", "{% macro once(x, sign='+') -%} {{ sign }}{{ x }} {%- endmacro %}"),
        (
            "models/m.sql",
            "{% set columns = ['a', 'b'] %}select {% for c in columns %}{{ twice(c) }} as {{ c }}{{ ', ' if not loop.last }}{% endfor %}, {{ once('x', sign='-') }}, {{ var('days', 7) }}, '{{ target.name }}', '{{ this }}'{% if is_incremental() %}, 1{% endif %}",
        ),
    ];
    let sql = graph(&files).unwrap().models["m"].sql.clone();
    assert_eq!(sql, "select 2 * +a as a, 2 * +b as b, -x, 7, 'datafusion', 'gold.m'");
}

#[test]
fn an_unknown_reference_names_its_line_and_the_nearest() {
    let files =
        [("models/stg_trades.sql", "select 1"), ("models/fct.sql", "-- x\n\nselect * from {{ ref('stg_trade') }}")];
    assert_eq!(
        refusal(&files),
        "models/fct.sql:3: ref('stg_trade'): no model has this name; did you mean ref('stg_trades'), ref('fct')?"
    );
    let message = refusal(&[("models/fct.sql", "select *\nfrom {{ source('silver', 'trades') }}")]);
    assert_eq!(message, "models/fct.sql:2: source('silver', 'trades'): no yml below models declares this source");
}

#[test]
fn what_dbt_has_and_this_subset_lacks_is_refused_with_its_line() {
    let model = |text: &'static str| refusal(&[("models/m.sql", text)]);
    insta::assert_snapshot!(
        [
            model("{{ config(materialized='incremental') }}\nselect 1"),
            model("select 1\n{{ config(unique_key='id') }}"),
            model("\n{{ run_query('select 1') }}"),
            model("{% snapshot s %}select 1{% endsnapshot %}"),
            model("select {{ var('days') }}"),
            model("\n{{ adapter.get_relation('a') }}"),
            model("\nselect * from {{ ref('package', 'm') }}"),
            refusal(&[("macros/m.sql", "\n{% test even(model) %}select 1{% endtest %}")]),
            refusal(&[("macros/m.sql", "\n{% macro f() %}{{ g() }}{% endmacro %}"), ("models/m.sql", "{{ f() }}")]),
            refusal(&[
                ("macros/a.sql", "{% macro f() %}{% endmacro %}"),
                ("macros/b.sql", "\n{% macro f() %}{% endmacro %}")
            ]),
            refusal(&[("snapshots/s.sql", "select 1")]),
            refusal(&[("packages.yml", "packages: []")]),
            refusal(&[("models/m.py", "")]),
            refusal(&[("models/a/m.sql", "select 1"), ("models/b/m.sql", "select 1")]),
            refusal(&[("models/M.sql", "select 1")]),
        ]
        .join("\n")
    );
}

#[test]
fn yml_outside_the_subset_is_refused_with_its_line() {
    let yml = |text: &'static str| refusal(&[("models/m.sql", "select 1 as a"), ("models/m.yml", text)]);
    let settings = |text: &'static str| refusal(&[("dbt_project.yml", text)]);
    insta::assert_snapshot!([
        yml("models:\n  - name: m\n    access: public\n"),
        yml("models:\n  - name: n\n"),
        yml("models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - not_nul\n"),
        yml("models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - dbt_utils.at_least_one: {}\n"),
        yml("models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - unique:\n              config:\n                limit: 5\n"),
        yml("models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - accepted_values\n"),
        yml("models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - relationships:\n              arguments:\n                to: ref('x')\n                field: a\n"),
        yml("models:\n  - name: m\n    data_tests:\n      - unique\n"),
        yml("models:\n  - name: m\n    config:\n      materialized: ephemeral\n"),
        yml("exposures:\n  - name: e\n"),
        yml("unit_tests:\n  - name: u\n    model: mm\n    given: []\n    expect: {rows: []}\n"),
        settings("name: small\nseeds: {}\n"),
        settings("name: small\nmodels:\n  other:\n    +materialized: table\n"),
        settings("name: small\nmodels:\n  small:\n    marts:\n      +persist_docs: true\n"),
        settings("name: small\nmodels:\n  small:\n    marts:\n      materialized: table\n"),
    ]
    .join("\n"));
}
