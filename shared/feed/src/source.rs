//! The vendors by their names on the command line, in configuration and in events.
//! SRC-1: a name, once released, is never given to another vendor: ids depend on it.

macro_rules! sources {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A vendor and format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Source { $($variant),+ }

        impl Source {
            /// Every source.
            pub const ALL: &[Source] = &[$(Source::$variant),+];

            /// The name users type.
            pub fn as_str(self) -> &'static str {
                match self { $(Source::$variant => $name),+ }
            }

            /// The source of a name.
            pub fn from_name(name: &str) -> Option<Source> {
                match name { $($name => Some(Source::$variant),)+ _ => None }
            }
        }
    };
}

sources! {
    Finnhub = "finnhub",
    Espn = "espn",
    TheOddsApi = "the-odds-api",
    OpenWeather = "openweather",
    NewsApi = "newsapi",
    GNews = "gnews",
    SportMonks = "sportmonks",
    Sportradar = "sportradar",
    StatsBomb = "statsbomb",
    Betfair = "betfair",
    Metrica = "metrica",
    SkillCorner = "skillcorner",
    Tracab = "tracab",
    NflNgs = "nfl-ngs",
    Nflverse = "nflverse",
    FootballData = "football-data",
    Wearable = "wearable",
}

impl Source {
    /// The names of what is parsed, for messages.
    pub fn supported_names() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|source| source.as_str()).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_found_again_by_its_name() {
        for source in Source::ALL {
            assert_eq!(Source::from_name(source.as_str()), Some(*source));
        }
    }
}
