//! OpenWeather: current weather, forecasts, One Call, history and air pollution.
//! See docs/vendors/openweather.md for units, clocks, endpoints and licence of use.

mod parse;
mod payload;
mod table;

pub use parse::parse;
