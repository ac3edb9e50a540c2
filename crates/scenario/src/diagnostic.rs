//! Problems that point at the place where they stand.
//!
//! A scenario is made of several texts: the file, and each `--set` of the command line. A [`Place`] is a piece of one of them;
//! a [`Problem`] has a place, says what is wrong, and what to write instead. A [`Report`] shows all problems at once.
//!
//! # Not here
//! Finding problems, and deciding where the text goes: a report is a `String`, with colours only if they are asked for.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// A piece of one of the texts that a scenario is made of, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which text: an index into [`Sources`].
    pub source: u32,
    /// Its first byte.
    pub start: u32,
    /// The byte behind its last one.
    pub end: u32,
}

/// A text and what it is called in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path, or `command line`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// The texts that a scenario is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and gives its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.0.push(Source { name: name.into(), text: text.into() });
        self.0.len() as u32 - 1
    }

    /// The text of this number.
    pub fn get(&self, source: u32) -> &Source {
        &self.0[source as usize]
    }

    /// What stands at a place.
    pub fn text(&self, place: Place) -> &str {
        &self.get(place.source).text[place.start as usize..place.end as usize]
    }
}

/// Something that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; a place of no length means the text as a whole.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to say right at the place, such as "did you mean `chord`?".
    pub label: Option<String>,
    /// The way out.
    pub help: Option<String>,
    /// A warning does not stop a run.
    pub warning: bool,
}

impl Problem {
    /// An error at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), label: None, help: None, warning: false }
    }

    /// The same with a word right at the place.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// The same with a way out.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn render(&self, sources: &Sources, renderer: &Renderer) -> String {
        let source = sources.get(self.place.source);
        let level = if self.warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(&self.message);
        let mut group: Group<'_> = if self.place.start == self.place.end && self.label.is_none() {
            title.element(Origin::path(&source.name))
        } else {
            let span = self.place.start as usize..self.place.end as usize;
            let mark = AnnotationKind::Primary.span(span).label(self.label.as_deref());
            title.element(Snippet::source(&source.text).path(&source.name).annotation(mark))
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// All that is to be said of a scenario, ordered by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    sources: Sources,
    problems: Vec<Problem>,
}

impl Report {
    /// Puts problems into the order of their places; what is said twice of one place is shown once.
    pub fn new(sources: Sources, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.place.source, problem.place.start, problem.place.end));
        let mut kept: Vec<Problem> = Vec::with_capacity(problems.len());
        for problem in problems {
            if !kept.contains(&problem) {
                kept.push(problem);
            }
        }
        Self { sources, problems: kept }
    }

    /// The problems, in the order of their places.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// True if nothing is to be said.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many of the problems stop a run.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| !problem.warning).count()
    }

    /// The text for the terminal, with a final line end.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&problem.render(&self.sources, &renderer));
            text.push_str("\n\n");
        }
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Report {
    /// Without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
