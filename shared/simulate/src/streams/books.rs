//! What changed in one exchange market since some moment: changes added up to one, or to the image of the market.
//! BKS-1: a change that is told after another, and both added up, leave a client with the same market.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Changes of one market, added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    is_image: bool,
    /// Members of the market other than its runners, by name.
    members: BTreeMap<String, Value>,
    /// By selection and handicap.
    runners: BTreeMap<String, Runner>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Runner {
    /// By name, then by rung: a price, or a position.
    ladders: BTreeMap<String, BTreeMap<String, Value>>,
    members: BTreeMap<String, Value>,
}

impl Change {
    /// Adds an element of `mc`.
    pub fn add(&mut self, change: &Value) {
        if change["img"] == true {
            *self = Self { is_image: true, ..Self::default() };
        }
        for (name, member) in change.as_object().into_iter().flatten() {
            match name.as_str() {
                "rc" => member.as_array().into_iter().flatten().for_each(|runner| self.add_runner(runner)),
                "img" | "con" | "_stream_id" => {}
                _ => {
                    self.members.insert(name.clone(), member.clone());
                }
            }
        }
    }

    fn add_runner(&mut self, change: &Value) {
        let runner = self.runners.entry(format!("{}|{}", change["id"], change["hc"])).or_default();
        for (name, member) in change.as_object().into_iter().flatten() {
            let Some(rungs) = member.as_array() else {
                runner.members.insert(name.clone(), member.clone());
                continue;
            };
            let ladder = runner.ladders.entry(name.clone()).or_default();
            ladder.extend(rungs.iter().map(|rung| (rung[0].to_string(), rung.clone())));
        }
    }

    /// An element of `mc`; an image has no rungs without money, a change says which went.
    pub fn told(&self) -> Value {
        let mut told: Map<String, Value> = self.members.clone().into_iter().collect();
        if self.is_image {
            told.insert("img".to_owned(), json!(true));
        }
        if !self.runners.is_empty() {
            let runners = self.runners.values().map(|runner| runner.told(self.is_image)).collect();
            told.insert("rc".to_owned(), Value::Array(runners));
        }
        Value::Object(told)
    }
}

impl Runner {
    fn told(&self, is_image: bool) -> Value {
        let mut told: Map<String, Value> = self.members.clone().into_iter().collect();
        for (name, ladder) in &self.ladders {
            let has_money = |rung: &&Value| rung.as_array().and_then(|rung| rung.last()?.as_f64()) != Some(0.0);
            let rungs: Vec<Value> = ladder.values().filter(|rung| !is_image || has_money(rung)).cloned().collect();
            if !(rungs.is_empty() && is_image) {
                told.insert(name.clone(), Value::Array(rungs));
            }
        }
        Value::Object(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_after_one_another_or_added_up_leave_the_same_market() {
        let recordings = crate::recordings::bundled().unwrap();
        let recording = recordings.iter().find(|recording| recording.file.contains("1.200806927")).unwrap();
        let lines = std::str::from_utf8(&recording.bytes).unwrap().lines().take(600);
        let changes: Vec<Value> =
            lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["mc"][0].clone()).collect();
        let (head, tail) = changes.split_at(200);
        let mut one_by_one = Change::default();
        changes.iter().for_each(|change| one_by_one.add(change));
        let (mut image, mut conflated) = (Change::default(), Change::default());
        head.iter().for_each(|change| image.add(change));
        tail.iter().for_each(|change| conflated.add(change));
        assert!(image.is_image && !conflated.is_image);
        let mut resumed = Change::default();
        resumed.add(&image.told());
        resumed.add(&conflated.told());
        assert_eq!(resumed.told(), one_by_one.told());
        assert!(one_by_one.told()["rc"][0]["atb"].as_array().unwrap().len() > 3);
    }
}
