//! The configuration: lines of `key = value`; `#` begins a comment line.

use crate::exports::throughway::addrmap::address_map::ConfigError;

pub struct Config<'a> {
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Config<'a> {
    pub fn parse(text: &'a str) -> Result<Self, ConfigError> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(error(
                    &format!("line {}", index + 1),
                    "expected key = value",
                ));
            };
            lines.push((key.trim(), value.trim()));
        }
        Ok(Self { lines })
    }

    pub fn text(&self, key: &str) -> Result<&'a str, ConfigError> {
        let found = self
            .lines
            .iter()
            .find(|(name, value)| *name == key && !value.is_empty());
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| error(key, "is missing"))
    }

    pub fn words(&self, key: &str) -> Result<impl Iterator<Item = &'a str> + use<'a>, ConfigError> {
        Ok(self.text(key)?.split_whitespace())
    }

    /// From 1 to 65535.
    pub fn port(&self, key: &str) -> Result<u16, ConfigError> {
        let text = self.text(key)?;
        let port = text
            .parse()
            .ok()
            .filter(|port| *port != 0 && !text.starts_with('+'));
        port.ok_or_else(|| error(key, "must be a number from 1 to 65535"))
    }
}

pub fn error(at: &str, message: &str) -> ConfigError {
    ConfigError {
        at: Some(at.into()),
        message: message.into(),
    }
}
