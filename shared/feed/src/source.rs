//! The vendors by their names on the command line, in configuration and in events.
//! SRC-1: a name, once released, is never given to another vendor: ids depend on it.

macro_rules! sources {
    ($($variant:ident = $name:literal $(($built:ident))?),+ $(,)?) => {
        /// A vendor and format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Source { $($variant),+ }

        impl Source {
            /// Every source of the mission, built or not.
            pub const ALL: &[Source] = &[$(Source::$variant),+];

            /// The name users type.
            pub fn as_str(self) -> &'static str {
                match self { $(Source::$variant => $name),+ }
            }

            /// The source of a name.
            pub fn from_name(name: &str) -> Option<Source> {
                match name { $($name => Some(Source::$variant),)+ _ => None }
            }

            /// Whether this release has a parser for it.
            pub fn is_supported(self) -> bool {
                match self { $(Source::$variant => sources!(@built $($built)?)),+ }
            }
        }
    };
    (@built built) => { true };
    (@built) => { false };
}

sources! {
    Finnhub = "finnhub" (built),
    Espn = "espn" (built),
    TheOddsApi = "the-odds-api" (built),
    OpenWeather = "openweather" (built),
    NewsApi = "newsapi" (built),
    GNews = "gnews" (built),
    SportMonks = "sportmonks" (built),
    Sportradar = "sportradar" (built),
    StatsBomb = "statsbomb" (built),
    Betfair = "betfair" (built),
    Metrica = "metrica" (built),
    SkillCorner = "skillcorner" (built),
    Tracab = "tracab" (built),
    NflNgs = "nfl-ngs" (built),
    Nflverse = "nflverse" (built),
    FootballData = "football-data" (built),
    Wearable = "wearable" (built),
}

impl Source {
    /// The names of what this release parses, for messages.
    pub fn supported_names() -> String {
        let names: Vec<_> =
            Self::ALL.iter().filter(|source| source.is_supported()).map(|source| source.as_str()).collect();
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
