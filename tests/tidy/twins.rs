//! Files that come together: a vendor and its fixtures, a model and its description, a function and its handler.

use crate::tree::Tree;

const FEED: &str = "shared/feed/src/";
const FIXTURES: &str = "shared/feed/fixtures/";
const DECISIONS: &str = "docs/decisions/";
const VENDOR_FILES: [&str; 4] = ["mod.rs", "payload.rs", "table.rs", "parse.rs"];
/// Vendors that do without one of the files, and why. `path` and reason.
const VENDOR_EXCEPTIONS: &[(&str, &str)] = &[
    ("shared/feed/src/newsapi/payload.rs", "an article is read by article.rs, which the vendors of news share"),
    ("shared/feed/src/gnews/payload.rs", "an article is read by article.rs, which the vendors of news share"),
    ("shared/feed/src/gnews/table.rs", "GNews has no words of its own to map"),
];
const GOLDEN_ENDING: &str = ".golden.ndjson";

/// A vendor's folder is its name on the command line with `_` for `-`.
pub fn incomplete_vendors(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let vendors = vendors(tree);
    if vendors.is_empty() {
        problems.push(format!("{FEED}: no vendor at all"));
    }
    for vendor in vendors {
        let name = vendor.replace('_', "-");
        let mut wanted: Vec<String> = VENDOR_FILES.map(|file| format!("{FEED}{vendor}/{file}")).to_vec();
        wanted.push(format!("shared/feed/coverage/{name}.yaml"));
        wanted.push(format!("docs/vendors/{name}.md"));
        for path in wanted {
            let is_exempt = VENDOR_EXCEPTIONS.iter().any(|(exempt, _)| *exempt == path);
            match (tree.has(&path), is_exempt) {
                (false, false) => problems.push(format!("{path} is missing")),
                (true, true) => problems.push(format!("{path} is there; drop its exception")),
                _ => {}
            }
        }
        problems.extend(fixture_problems(tree, &name));
    }
    problems
}

fn vendors(tree: &Tree) -> Vec<&str> {
    let is_vendor = |folder: &&str| {
        tree.has(&format!("{FEED}{folder}/parse.rs")) || tree.has(&format!("{FEED}{folder}/payload.rs"))
    };
    tree.folders_in(FEED).into_iter().filter(is_vendor).collect()
}

/// Every fixture has its golden events and the other way round.
fn fixture_problems(tree: &Tree, vendor: &str) -> Vec<String> {
    let folder = format!("{FIXTURES}{vendor}/");
    let (goldens, fixtures): (Vec<&str>, Vec<&str>) =
        tree.below(&folder).map(|(path, _)| path).partition(|path| path.ends_with(GOLDEN_ENDING));
    let mut problems = Vec::new();
    if fixtures.is_empty() {
        problems.push(format!("{folder}: no fixtures"));
    }
    let golden_of = |fixture: &str| {
        let (stem, _) = fixture.rsplit_once('.').unwrap_or((fixture, ""));
        format!("{stem}{GOLDEN_ENDING}")
    };
    let expected: Vec<String> = fixtures.iter().map(|fixture| golden_of(fixture)).collect();
    problems.extend(expected.iter().filter(|path| !tree.has(path)).map(|path| format!("{path} is missing")));
    let is_orphan = |golden: &&&str| !expected.iter().any(|path| path == **golden);
    problems.extend(goldens.iter().filter(is_orphan).map(|golden| format!("{golden} has no fixture")));
    problems
}

pub fn functions_without_handler(tree: &Tree) -> Vec<String> {
    tree.folders_in("functions/")
        .into_iter()
        .filter(|name| !["lib.rs", "main.rs"].iter().any(|file| tree.has(&format!("functions/{name}/src/{file}"))))
        .map(|name| format!("functions/{name}: neither src/lib.rs nor src/main.rs"))
        .collect()
}

/// A model's entry `- name: <stem>` stands in a .yml of its folder, with a description.
pub fn undescribed_models(tree: &Tree) -> Vec<String> {
    let models: Vec<&str> = tree
        .below("shared/warehouse/")
        .map(|(path, _)| path)
        .filter(|path| path.contains("/models/") && path.ends_with(".sql"))
        .collect();
    if models.is_empty() {
        return vec!["shared/warehouse: no models/**/*.sql at all".to_owned()];
    }
    let is_described = |model: &&str| {
        let (folder, file) = model.rsplit_once('/').unwrap_or(("", model));
        let entry = format!("- name: {}", file.trim_end_matches(".sql"));
        tree.below(&format!("{folder}/"))
            .filter(|(path, _)| path.ends_with(".yml") && !path[folder.len() + 1..].contains('/'))
            .any(|(_, text)| {
                let mut lines = text.lines().skip_while(|line| line.trim() != entry).skip(1);
                lines.next().is_some_and(|next| next.trim_start().starts_with("description:"))
            })
    };
    models
        .iter()
        .filter(|model| !is_described(model))
        .map(|model| format!("{model}: no `- name:` followed by `description:` in a .yml beside it"))
        .collect()
}

/// `0001-words.md`, `0002-words.md`, ...: every number once and none left out; a README may stand beside them.
pub fn misnumbered_decisions(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let pages = tree.below(DECISIONS).filter(|(path, _)| !path.ends_with("/README.md"));
    for (expected, (path, text)) in (1_u32..).zip(pages) {
        let number = path[DECISIONS.len()..].split_once('-').map(|(digits, _)| digits);
        if number != Some(format!("{expected:04}").as_str()) {
            problems.push(format!("{path}: the next decision is {expected:04}-<words>.md"));
        }
        if !text.starts_with("# ") {
            problems.push(format!("{path}: the first line is not a title"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [&str; 8] = [
        "shared/feed/src/the_odds_api/mod.rs",
        "shared/feed/src/the_odds_api/payload.rs",
        "shared/feed/src/the_odds_api/table.rs",
        "shared/feed/src/the_odds_api/parse.rs",
        "shared/feed/coverage/the-odds-api.yaml",
        "shared/feed/fixtures/the-odds-api/odds_live.json",
        "shared/feed/fixtures/the-odds-api/odds_live.golden.ndjson",
        "docs/vendors/the-odds-api.md",
    ];

    fn tree_of(paths: &[&str]) -> Tree {
        Tree::of(&paths.iter().map(|path| (*path, "")).collect::<Vec<_>>())
    }

    #[test]
    fn each_missing_file_of_a_vendor_is_named() {
        assert!(incomplete_vendors(&tree_of(&WHOLE)).is_empty());
        for missing in WHOLE {
            let rest: Vec<_> = WHOLE.into_iter().filter(|path| *path != missing).collect();
            assert!(!incomplete_vendors(&tree_of(&rest)).is_empty(), "{missing}");
        }
        assert!(!incomplete_vendors(&tree_of(&[])).is_empty());
    }

    #[test]
    fn a_function_without_sources_is_named() {
        let tree = tree_of(&["functions/api/src/lib.rs", "functions/poll/Cargo.toml"]);
        assert_eq!(functions_without_handler(&tree), ["functions/poll: neither src/lib.rs nor src/main.rs"]);
    }

    #[test]
    fn a_model_without_entry_is_named() {
        let folder = "shared/warehouse/project/models/marts";
        let (bars, lines, yml) =
            (format!("{folder}/fct_bars.sql"), format!("{folder}/fct_lines.sql"), format!("{folder}/marts.yml"));
        let entry = "models:\n  - name: fct_bars\n    description: Grain.\n  - name: fct_lines\n    columns: []\n";
        let problems = undescribed_models(&Tree::of(&[(&bars, ""), (&lines, ""), (&yml, entry)]));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("fct_lines"));
        assert!(!undescribed_models(&tree_of(&[])).is_empty());
    }

    #[test]
    fn decisions_out_of_number_are_named() {
        let page = |name: &'static str| (name, "# Title\n");
        let good = Tree::of(&[page("docs/decisions/0001-a.md"), page("docs/decisions/0002-b.md")]);
        assert!(misnumbered_decisions(&good).is_empty());
        let gap = Tree::of(&[page("docs/decisions/0001-a.md"), page("docs/decisions/0003-b.md")]);
        assert_eq!(misnumbered_decisions(&gap).len(), 1);
        let untitled = Tree::of(&[("docs/decisions/0001-a.md", "text\n")]);
        assert_eq!(misnumbered_decisions(&untitled).len(), 1);
    }
}
