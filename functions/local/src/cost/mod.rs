//! `touchline cost`: what a load costs on AWS, line by line with its arithmetic, from a price file with its date.
//! An estimate of the deployed design; the bundled assumptions are named in `infra/prices.toml`.

mod bill;
mod load;
mod prices;
mod traffic;

use std::fmt::Write as _;
use std::process::ExitCode;

use bill::{Bill, writes_per_thousand};
pub use load::NamedLoad;
use prices::PriceFile;
use touchline_store::PaneLayout;

use crate::cli::CostArgs;

/// `touchline cost`.
pub fn run(args: &CostArgs) -> anyhow::Result<ExitCode> {
    let file = PriceFile::read(args.prices.as_deref())?;
    if args.markdown {
        print!("{}", page(&file));
        return Ok(ExitCode::SUCCESS);
    }
    let named = args.load.load();
    let load = load::Load {
        events_per_second: args.events_per_second.unwrap_or(named.events_per_second),
        hours: args.hours.unwrap_or(named.hours),
        days: args.days.or(args.hours.map(|hours| hours.div_ceil(24))).unwrap_or(named.days),
        entities: args.entities.unwrap_or(named.entities),
        layout: args.pane_layout,
    };
    let bill = Bill::of(load, &file);
    println!(
        "{} events: {} a second for {} h, {} entities, {} days; {} prices of {}\n",
        bill.events, load.events_per_second, load.hours, load.entities, load.days, file.region, file.as_of
    );
    for line in &bill.lines {
        println!("{:<26} {:>12}  {} x {}", line.component, line.amount.text(), line.arithmetic, line.price);
    }
    println!("{:<26} {:>12}  {}", "total", bill.total().text(), file.currency);
    println!("{:<26} {:>12}  {}", "per million events", bill.per_million_events().text(), file.currency);
    let (writes, units) = writes_per_thousand(&bill.traffic);
    println!("panes by the {}: {writes} updates, {units} write units for a thousand events", load.layout.as_str());
    Ok(ExitCode::SUCCESS)
}

/// `docs/cost.md`.
fn page(file: &PriceFile) -> String {
    let mut text = format!(
        "# What it costs\n\n\
         Made by `touchline cost --markdown` from `infra/prices.toml`: {} list prices of {}, without free tier, discounts and tax.\n\
         An estimate of the deployed design with the assumptions of that file; nothing here was billed. `touchline cost --help`\n\
         says how to reckon another load, and `--prices` takes another file.\n",
        file.region, file.as_of
    );
    for named in NamedLoad::ALL {
        let load = named.load();
        let bill = Bill::of(load, file);
        let _ = write!(
            text,
            "\n## {}\n\n{} events a second for {} hours, {} entities, {} calendar days.\n\n\
             | what | arithmetic | price | {} |\n|---|---|---|---:|\n",
            named.title(),
            load.events_per_second,
            load.hours,
            load.entities,
            load.days,
            file.currency
        );
        for line in &bill.lines {
            let bill::Line { component, arithmetic, price, amount, .. } = line;
            let _ = writeln!(text, "| {component} | {arithmetic} | {price} | {} |", amount.text());
        }
        let _ = writeln!(text, "| **total** | {} events | | **{}** |", bill.events, bill.total().text());
        let _ = writeln!(text, "| per million events | | | {} |", bill.per_million_events().text());
    }
    text.push_str(&layouts(file));
    text
}

/// The two layouts of panes side by side.
fn layouts(file: &PriceFile) -> String {
    let mut text = String::from(
        "\n## Panes by the pane or by the lane\n\nThe bills above have an item for each pane; `--pane-layout lane` reckons the other layout. \
         [exactly-once.md](exactly-once.md)\nsays which to choose.\n\n\
         | load | layout | updates a thousand events | write units a thousand events | panes: writes |\n|---|---|---:|---:|---:|\n",
    );
    for (named, layout) in NamedLoad::ALL.into_iter().flat_map(|named| PaneLayout::ALL.map(|layout| (named, layout))) {
        let bill = Bill::of(load::Load { layout, ..named.load() }, file);
        let (writes, units) = writes_per_thousand(&bill.traffic);
        let amount = bill.lines.iter().find(|line| line.component == "panes: writes").map(|line| line.amount.text());
        let (title, layout) = (named.title(), layout.as_str());
        let _ = writeln!(text, "| {title} | {layout} | {writes} | {units} | {} |", amount.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_command_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cost.md");
        let file = PriceFile::read(None).unwrap();
        let documented = std::fs::read_to_string(path).unwrap();
        assert_eq!(documented, page(&file), "run `touchline cost --markdown > docs/cost.md`");
    }
}
