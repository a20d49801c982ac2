//! Which region of The Odds API a bookmaker belongs to. Keys and regions: the vendor's list of bookmakers.

/// The region asked for when a book is wanted; `us` for one that is not in the list.
pub fn region_of(book: &str) -> &'static str {
    BOOKS.iter().find(|(_, books)| books.contains(&book)).map_or("us", |(region, _)| region)
}

#[rustfmt::skip]
const BOOKS: &[(&str, &[&str])] = &[
    ("us", &["betmgm", "betonlineag", "betrivers", "betus", "bovada", "draftkings", "fanatics", "fanduel", "lowvig",
        "mybookieag", "williamhill_us"]),
    ("us2", &["ballybet", "betanysports", "betparx", "espnbet", "fliff"]),
    ("uk", &["betfair_ex_uk", "betfair_sb_uk", "betfred_uk", "betvictor", "betway", "boylesports", "casumo", "coral",
        "grosvenor", "ladbrokes_uk", "leovegas", "livescorebet", "matchbook", "paddypower", "skybet", "smarkets",
        "unibet_uk", "virginbet"]),
    ("au", &["betfair_ex_au", "betr_au", "betright", "ladbrokes_au", "neds", "playup", "pointsbetau", "sportsbet", "tab",
        "tabtouch", "unibet"]),
    ("eu", &["betfair_ex_eu", "betsson", "coolbet", "everygame", "gtbets", "marathonbet", "nordicbet", "onexbet",
        "pinnacle", "sport888", "tipico_de", "unibet_nl", "williamhill", "winamax_de"]),
    ("fr", &["betclic_fr", "pmu_fr", "unibet_fr", "winamax_fr"]),
    ("se", &["leovegas_se", "unibet_se"]),
];
