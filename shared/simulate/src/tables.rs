//! A flattened table of odds as the nested answer it was made from.
//! TAB-1: every row is one outcome of the nested answer; games, books and markets stand in the order of their first row.

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value, json};

use crate::recordings::RecordingError;

/// The v4 answer whose outcomes are the rows.
pub fn nested(bytes: &[u8]) -> Result<Vec<u8>, RecordingError> {
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|error| fault(0, &error))?.clone();
    let mut games: Vec<Value> = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let row = row.map_err(|error| fault(index + 1, &error))?;
        let row = Row { header: &header, row: &row, number: index + 1 };
        let game = entry(&mut games, "id", row.text("event_id")?, |game| {
            for key in ["sport_key", "sport_title", "commence_time", "home_team", "away_team"] {
                game.insert(key.to_owned(), json!(row.text(key)?));
            }
            Ok("bookmakers")
        })?;
        let book = entry(game, "key", row.text("bookmaker_key")?, |book| {
            book.insert("title".to_owned(), json!(row.text("bookmaker_title")?));
            book.insert("last_update".to_owned(), json!(row.text("last_update")?));
            Ok("markets")
        })?;
        let outcomes = entry(book, "key", row.text("market")?, |market| {
            market.insert("last_update".to_owned(), json!(row.text("last_update")?));
            Ok("outcomes")
        })?;
        let mut outcome = json!({"name": row.text("outcome_name")?, "price": row.number("price")?});
        if !row.text("point")?.is_empty() {
            outcome["point"] = row.number("point")?;
        }
        outcomes.push(outcome);
    }
    Ok(serde_json::to_vec(&games)?)
}

struct Row<'a> {
    header: &'a StringRecord,
    row: &'a StringRecord,
    number: usize,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Result<&str, RecordingError> {
        let index = self.header.iter().position(|name| name == column);
        index.and_then(|index| self.row.get(index)).ok_or_else(|| fault(self.number, &format!("no column {column}")))
    }

    fn number(&self, column: &str) -> Result<Value, RecordingError> {
        let text = self.text(column)?;
        text.parse::<f64>()
            .map(|number| json!(number))
            .map_err(|error| fault(self.number, &format!("{column} {text}: {error}")))
    }
}

/// The list inside the element named so, which is made by `fill` where there is none; `fill` answers the list's name.
fn entry<'v>(
    list: &'v mut Vec<Value>,
    key: &str,
    name: &str,
    fill: impl FnOnce(&mut Map<String, Value>) -> Result<&'static str, RecordingError>,
) -> Result<&'v mut Vec<Value>, RecordingError> {
    let index = match list.iter().position(|element| element[key] == name) {
        Some(index) => index,
        None => {
            let mut element = Map::new();
            element.insert(key.to_owned(), json!(name));
            let inner = fill(&mut element)?;
            element.insert(inner.to_owned(), json!([]));
            list.push(Value::Object(element));
            list.len() - 1
        }
    };
    let inner = list[index].as_object_mut().into_iter().flat_map(Map::values_mut).find_map(Value::as_array_mut);
    inner.ok_or_else(|| fault(0, &"an element without a list"))
}

fn fault(row: usize, message: &impl ToString) -> RecordingError {
    RecordingError::Row { row, message: message.to_string() }
}
