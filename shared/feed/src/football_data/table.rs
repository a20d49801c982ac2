//! football-data.co.uk's column names and ours, by their pattern: `<book><closing C><outcome>`. Its notes.txt lists the books.
//! FBD-1: three columns `<x>H`, `<x>D`, `<x>A` are a book's 1X2 prices, `<x>>2.5` and `<x><2.5` its totals, `<x>AHH` and
//! `<x>AHA` its Asian handicap; a last C means closing, unless the book's own name ends with it (`VC`).

/// Books whose columns may appear as closing ones only, and those whose names end with C.
const BOOKS: [&str; 29] = [
    "1XB", "B365", "BF", "BFD", "BFE", "BMGM", "BS", "BV", "BW", "CL", "GB", "IW", "LB", "P", "PS", "SB", "SJ", "SO",
    "SY", "VC", "WH", "Max", "Avg", "BbMx", "BbAv", "PH", "LBK", "BETV", "10BET",
];

/// The statistics of a match, kept as the vendor sends them.
pub(super) const STATISTICS: [&str; 20] = [
    "Attendance",
    "Referee",
    "HS",
    "AS",
    "HST",
    "AST",
    "HHW",
    "AHW",
    "HC",
    "AC",
    "HF",
    "AF",
    "HFKC",
    "AFKC",
    "HO",
    "AO",
    "HY",
    "AY",
    "HR",
    "AR",
];

/// When a price stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// As collected on the Friday or Tuesday before.
    Collected,
    /// At kick-off.
    Closing,
}

/// Which outcomes the columns of a market price, and the place of their line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Home, draw, away.
    H2h,
    /// Over and under this total, 10^-2.
    Totals(i64),
    /// Home and away with the handicap of the home side from this column.
    Handicap(Option<usize>),
}

/// Some columns of prices of one book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prices {
    pub(super) book: String,
    pub(super) moment: Moment,
    pub(super) kind: Kind,
    /// Places of the outcomes' columns.
    pub(super) places: Vec<usize>,
}

/// Every market that the header has, in its order.
pub(super) fn prices_of(names: &[String]) -> Vec<Prices> {
    let place = |name: String| names.iter().position(|known| *known == name);
    // The tables of the smaller leagues have closing prices alone, under plain names.
    let is_closing_table = names.iter().any(|name| name == "Country");
    let mut all = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(prefix) = name.strip_suffix("AHH") {
            if let Some(away) = place(format!("{prefix}AHA")) {
                let (book, moment) = book_of(prefix, is_closing_table);
                let line = handicap_column(prefix, moment, &place);
                all.push(Prices { book, moment, kind: Kind::Handicap(line), places: vec![at, away] });
            }
        } else if let Some((prefix, total)) = name.split_once('>') {
            let total_e2 = crate::raw::decimal::<2>(total, crate::raw::Precision::Exact).map(|total| total.0);
            if let (Ok(total_e2), Some(under)) = (total_e2, place(format!("{prefix}<{total}"))) {
                let (book, moment) = book_of(prefix, is_closing_table);
                all.push(Prices { book, moment, kind: Kind::Totals(total_e2), places: vec![at, under] });
            }
        } else if let Some(prefix) = name.strip_suffix('H').filter(|prefix| !prefix.is_empty())
            && let (Some(draw), Some(away)) = (place(format!("{prefix}D")), place(format!("{prefix}A")))
        {
            let (book, moment) = book_of(prefix, is_closing_table);
            all.push(Prices { book, moment, kind: Kind::H2h, places: vec![at, draw, away] });
        }
    }
    all
}

fn book_of(prefix: &str, is_closing_table: bool) -> (String, Moment) {
    let (book, moment) = match prefix.strip_suffix('C') {
        Some(book) if !BOOKS.contains(&prefix) => (book, Moment::Closing),
        _ if is_closing_table => (prefix, Moment::Closing),
        _ => (prefix, Moment::Collected),
    };
    // Pinnacle is PS in 1X2 and P in the other markets.
    (if book == "P" { "PS" } else { book }.to_owned(), moment)
}

/// The handicap beside a book's own prices, else the market's.
fn handicap_column(prefix: &str, moment: Moment, place: &impl Fn(String) -> Option<usize>) -> Option<usize> {
    let shared = match (prefix.starts_with("Bb"), moment) {
        (true, _) => "BbAHh",
        (false, Moment::Closing) => "AHCh",
        (false, Moment::Collected) => "AHh",
    };
    place(format!("{prefix}AH")).or_else(|| place(shared.to_owned())).or_else(|| place("BbAHh".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(header: &str) -> Vec<String> {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        let kind = |kind: &Kind| match kind {
            Kind::H2h => "h2h".to_owned(),
            Kind::Totals(total) => format!("totals {total}"),
            Kind::Handicap(place) => format!("spreads {}", place.map_or("?", |place| names[place].as_str())),
        };
        let moment = |moment| if moment == Moment::Closing { "closing" } else { "collected" };
        prices_of(&names).iter().map(|one| format!("{} {} {}", one.book, moment(one.moment), kind(&one.kind))).collect()
    }

    #[test]
    fn books_markets_and_moments_are_told_by_their_pattern() {
        assert_eq!(
            books("FTHG,FTAG,HTHG,HTAG,HS,AS,HC,AC,B365H,B365D,B365A,VCH,VCD,VCA,PSCH,PSCD,PSCA,VCCH,VCCD,VCCA"),
            ["B365 collected h2h", "VC collected h2h", "PS closing h2h", "VC closing h2h"]
        );
        assert_eq!(
            books("Bb1X2,BbMxH,BbMxD,BbMxA,BbOU,BbMx>2.5,BbMx<2.5,BbAH,BbAHh,BbMxAHH,BbMxAHA"),
            ["BbMx collected h2h", "BbMx collected totals 250", "BbMx collected spreads BbAHh"]
        );
        assert_eq!(
            books("PC>2.5,PC<2.5,AHCh,PCAHH,PCAHA,AHh,MaxAHH,MaxAHA,GBAH,GBAHH,GBAHA"),
            [
                "PS closing totals 250",
                "PS closing spreads AHCh",
                "Max collected spreads AHh",
                "GB collected spreads GBAH"
            ]
        );
        assert_eq!(books("Country,PSH,PSD,PSA"), ["PS closing h2h"]);
        assert_eq!(books("HS,AS,HC,AC,BbAH,B365H,B365A"), Vec::<String>::new());
    }
}
