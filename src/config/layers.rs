//! The layers a value can come from: built-in defaults, one file, the environment; merged key by key.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    error::ConfigError,
    keys::{self, Kind},
};

/// The built-in defaults, which are also their documentation.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// A file, by its path.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value before its meaning is read.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Data {
    Text(String),
    Integer(i64),
    List(Vec<String>),
}

/// A value and where it was set. Has no `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) data: Data,
    pub(super) origin: Origin,
}

/// Every key that is set, by its dotted name.
pub(super) type Values = BTreeMap<String, Value>;

/// The variables of the process, handed in so that a test can bring its own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables that this process was started with.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

/// Whether the user let colour on: `NO_COLOR` (any value but the empty one) switches it off.
pub fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The user who runs this process, as the system's environment names them, else as its list of accounts does; one who became another
/// keeps their own name.
#[expect(clippy::disallowed_methods, reason = "only here is the environment read")]
pub fn user_of_process() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(account_of_process)
}

/// The account that this process runs as; `None` where the system's list hasn't got it, as in many a container.
#[cfg(unix)]
fn account_of_process() -> Option<String> {
    let user = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').nth(2) == Some(user.as_str()))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(not(unix))]
fn account_of_process() -> Option<String> {
    None
}

/// The layers laid over each other.
pub(super) struct Merged {
    /// What every key that could be taken is set to.
    pub(super) values: Values,
    /// Keys there are none of, and values of another kind than their key's: the value of the layer below stands in their place.
    pub(super) faults: Vec<String>,
}

/// The merged layers: defaults, then the file (docs/interface.md 1), then the environment. Errors where a file can't be read, or is
/// no TOML: what it sets isn't known then, and nothing can be said of any value.
pub(super) fn merged(file: Option<&Path>, environment: &Environment) -> Result<Merged, ConfigError> {
    let mut values = Values::new();
    let mut faults = Vec::new();
    lay(&mut values, from_toml(DEFAULTS, &Origin::Default, &mut faults).unwrap_or_default());
    let mut is_read = true;
    if let Some(path) = chosen_file(file, environment)? {
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!("the configuration file {} can't be read: {error}; check its path and permissions", path.display())
        })?;
        let layer = from_toml(&text, &Origin::File(path), &mut faults);
        is_read = layer.is_some();
        lay(&mut values, layer.unwrap_or_default());
    }
    lay(&mut values, from_environment(environment, &mut faults));
    if is_read { Ok(Merged { values, faults }) } else { Err(ConfigError(faults)) }
}

/// `--config FILE`, else `MRRD_CONFIG` where it isn't empty, else the first of the two usual places that exists. Errors where
/// it can't be told whether one does: going on without it would be another configuration.
fn chosen_file(named: Option<&Path>, environment: &Environment) -> Result<Option<PathBuf>, ConfigError> {
    let set = || environment.get("MRRD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(named) = named.map(Path::to_path_buf).or_else(set) {
        return Ok(Some(named));
    }
    for (folder, file) in [("config", "config/mrrd.toml"), ("/etc/mrrd", "/etc/mrrd/mrrd.toml")] {
        // Where not even the folder can be seen, it isn't ours: another user's working directory.
        if std::fs::metadata(folder).is_ok() && exists(Path::new(file))? {
            return Ok(Some(file.into()));
        }
    }
    Ok(None)
}

fn exists(path: &Path) -> Result<bool, ConfigError> {
    path.try_exists().map_err(|error| {
        let path = path.display();
        format!("whether there is a configuration file {path} can't be seen: {error}; check its folder's permissions")
            .into()
    })
}

/// Puts a layer on top. A secret and its `_file` form are one setting: the later layer's form wins.
fn lay(values: &mut Values, layer: Values) {
    for (key, value) in layer {
        let twin = key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned);
        if values.get(&twin).is_some_and(|set| set.origin.layer() != value.origin.layer()) {
            values.remove(&twin);
        }
        values.insert(key, value);
    }
}

impl Origin {
    fn layer(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Variable(_) => 2,
        }
    }
}

fn unknown(key: &str, written: &str, origin: &Origin) -> String {
    let Some(nearest) = keys::nearest(key) else {
        return format!(
            "{origin}: there is no setting {written}; `mrrd config show --defaults` prints all that this version has"
        );
    };
    let nearest = match origin {
        Origin::Variable(_) => variable(&nearest),
        _ => nearest,
    };
    format!("{origin}: there is no setting {written}; did you mean {nearest}?")
}

/// `a.b` as the environment writes it.
fn variable(key: &str) -> String {
    format!("MRRD_{}", key.replace('.', "__").to_uppercase())
}

/// What a text sets; `None` where it is no TOML.
fn from_toml(text: &str, origin: &Origin, faults: &mut Vec<String>) -> Option<Values> {
    match text.parse::<toml::Table>() {
        // The parser's message shows the line, which may hold a secret: only its place is passed on.
        Err(error) => {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
            faults.push(format!("{origin}: line {line} is not TOML: {}", error.message()));
            None
        }
        Ok(table) => {
            let mut values = Values::new();
            walk("", table, origin, &mut values, faults);
            Some(values)
        }
    }
}

fn walk(above: &str, table: toml::Table, origin: &Origin, values: &mut Values, faults: &mut Vec<String>) {
    for (name, value) in table {
        let key = if above.is_empty() { name } else { format!("{above}.{name}") };
        match (value, keys::kind_of(&key)) {
            (toml::Value::Table(below), None) if keys::is_table(&key) => walk(&key, below, origin, values, faults),
            (value, Some(kind)) => match typed(value, kind) {
                Some(data) => {
                    values.insert(key, Value { data, origin: origin.clone() });
                }
                None => faults.push(format!("{origin}: {key} must be {}", wanted(kind))),
            },
            (_, None) => faults.push(unknown(&key, &key, origin)),
        }
    }
}

fn typed(value: toml::Value, kind: Kind) -> Option<Data> {
    match (kind, value) {
        (Kind::Integer | Kind::Knob | Kind::Decimal, toml::Value::Integer(number)) => Some(Data::Integer(number)),
        (Kind::Text | Kind::Secret | Kind::SecretFile | Kind::Knob | Kind::Decimal, toml::Value::String(text)) => {
            Some(Data::Text(text))
        }
        (Kind::Switch, toml::Value::Boolean(on)) => Some(Data::Text(on.to_string())),
        (Kind::Decimal, toml::Value::Float(number)) => Some(Data::Text(number.to_string())),
        (Kind::Pairs, toml::Value::Array(list)) => {
            let pairs = list.into_iter().map(pair);
            pairs.collect::<Option<_>>().map(Data::List)
        }
        (Kind::List | Kind::Secrets, toml::Value::Array(list)) => {
            let texts = list.into_iter().map(|item| match item {
                toml::Value::String(text) => Some(text),
                _ => None,
            });
            texts.collect::<Option<_>>().map(Data::List)
        }
        _ => None,
    }
}

/// `["a", "b"]`, or as the environment writes it, `"a=b"`.
fn pair(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Array(two) => match two.as_slice() {
            [toml::Value::String(one), toml::Value::String(other)] => Some(format!("{one}={other}")),
            _ => None,
        },
        _ => None,
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "a string in quotes",
        Kind::Integer => "a whole number",
        Kind::List | Kind::Secrets => "a list of strings, such as [\"a\", \"b\"]",
        Kind::Pairs => "a list of pairs, such as [[\"a\", \"b\"], [\"c\", \"d\"]]",
        Kind::SecretFile => "the path of a file, in quotes",
        Kind::Knob => "a word in quotes, or a whole number",
        Kind::Switch => "true or false",
        Kind::Decimal => "a number",
    }
}

/// Variables that are ignored and were surely meant as settings: each with the name of the setting's own.
///
/// Of all that begin with `MRRD_` only those are looked for that differ from a setting by single underscores and a slip of the hand:
/// an orchestrator sets `MRRD_SERVICE_HOST` and the like, of which nobody has to hear.
pub(super) fn mistaken(environment: &Environment) -> Vec<(String, String)> {
    let names = environment.0.keys().filter(|name| *name != "MRRD_CONFIG");
    let ignored =
        names.filter_map(|name| Some((name, name.strip_prefix("MRRD_").filter(|rest| !rest.contains("__"))?)));
    let found =
        ignored.filter_map(|(name, rest)| Some((name.clone(), variable(&keys::meant_by(&rest.to_lowercase())?))));
    found.collect()
}

/// Only `MRRD_<SECTION>__…` are keys: an orchestrator sets `MRRD_SERVICE_HOST` and the like.
fn from_environment(environment: &Environment, faults: &mut Vec<String>) -> Values {
    let mut values = Values::new();
    for (name, value) in &environment.0 {
        let Some(rest) = name.strip_prefix("MRRD_").filter(|rest| rest.contains("__")) else { continue };
        let origin = Origin::Variable(name.clone());
        let key = rest.replace("__", ".").to_lowercase();
        let Some(kind) = keys::kind_of(&key) else {
            faults.push(unknown(&key, name, &origin));
            continue;
        };
        let Some(text) = value.to_str().map(str::trim) else {
            faults.push(format!("{name} is not UTF-8"));
            continue;
        };
        let data = match kind {
            Kind::Integer => match text.parse() {
                Ok(number) => Data::Integer(number),
                Err(_) => {
                    faults.push(format!("{name} must be {}", wanted(kind)));
                    continue;
                }
            },
            Kind::List | Kind::Pairs | Kind::Secrets => {
                Data::List(text.split(',').map(|item| item.trim().to_owned()).collect())
            }
            Kind::Text | Kind::Secret | Kind::SecretFile | Kind::Knob | Kind::Decimal | Kind::Switch => {
                Data::Text(text.to_owned())
            }
        };
        values.insert(key, Value { data, origin });
    }
    values
}
