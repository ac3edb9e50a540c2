//! "Did you mean": the nearest of the names that are known.

/// The known name that is most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = plain(word);
    // A third of the letters may be wrong; of a short word, one.
    let limit = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// What follows "there is no `word`": the nearest name, if one is like it.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn distance(wanted: &str, known: &str) -> usize {
    // `successor` for `successors-list`: a whole word at the front counts as a small slip.
    let prefix = wanted.len() >= 4 && (known.starts_with(wanted) || wanted.starts_with(known) && known.len() >= 4);
    strsim::damerau_levenshtein(wanted, known).min(if prefix { 1 } else { usize::MAX })
}

/// Names in a sentence: `` `a`, `b` and `c` ``.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
