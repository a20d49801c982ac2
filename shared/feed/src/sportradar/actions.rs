//! Who took part in a moment of a timeline: v4 lists players with roles, v3 and the Unified Odds Feed name them apart.

use super::payload::text_of;
use crate::raw::{Fault, Object, Path};

/// A player of a moment.
pub(super) struct Player {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// `scorer`, `assist`, `substituted_in`, `substituted_out`.
    pub(super) role: Option<String>,
}

/// v3's members, and the role each has in v4.
const NAMED: [(&str, &str); 6] = [
    ("goal_scorer", "scorer"),
    ("scorer", "scorer"),
    ("player_in", "substituted_in"),
    ("player_out", "substituted_out"),
    ("player", ""),
    ("assist", "assist"),
];

/// The players of a moment, whoever did it first.
pub(super) fn players(object: &Object<'_, '_>) -> Result<Vec<Player>, Fault> {
    let mut players = Vec::new();
    let list_path = Path::Key(object.path(), "players");
    for (index, raw) in object.list("players")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let player = Object::read(raw, &path, "a player object")?;
        let role = text_of(&player, "type")?;
        players.push(Player { id: text_of(&player, "id")?, name: text_of(&player, "name")?, role });
    }
    for (key, role) in NAMED {
        let path = Path::Key(object.path(), key);
        let Some(raw) = object.get(key)?.filter(|raw| raw.get().starts_with('{')) else { continue };
        let player = Object::read(raw, &path, "a player object")?;
        let role = Some(role.to_owned()).filter(|role| !role.is_empty());
        players.push(Player { id: text_of(&player, "id")?, name: text_of(&player, "name")?, role });
    }
    // A substitution is by the one who comes in.
    players.sort_by_key(|player| player.role.as_deref() == Some("substituted_out"));
    Ok(players)
}
