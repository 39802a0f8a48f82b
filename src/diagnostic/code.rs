//! The stable numbers of mistakes; each has a section in `docs/errors.md`.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal,)*) => {
        /// What kind of mistake it is. Numbers never change their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// As shown to the user: `E0301`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $number,)* }
            }

            /// Every code, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

codes! {
    // E01: what is on disk
    /// A file or folder of the project cannot be read.
    Unreadable = "E0100",
    /// No `project.yaml` here or above.
    NoProject = "E0101",
    /// A YAML file that is not YAML.
    YamlSyntax = "E0102",
    /// A key nobody knows, a value of the wrong shape.
    Config = "E0103",
    /// Two things of one name.
    Duplicate = "E0104",
    /// A model reads a layer above its own.
    LayerAbove = "E0105",
    /// A target, layer or folder that is not declared.
    Undeclared = "E0106",
    /// Properties for something that does not exist.
    UnusedProperties = "E0107",
    /// A file or model whose name cannot be a relation.
    InvalidName = "E0108",
    // E02: templates
    /// Jinja that does not parse.
    TemplateSyntax = "E0201",
    /// A template that failed while it rendered.
    Template = "E0202",
    /// `var()` of something not set.
    MissingVar = "E0203",
    /// `env_var()` of something not set.
    MissingEnvVar = "E0204",
    /// A macro, function or variable nobody defined.
    Undefined = "E0205",
    /// The project itself said no: `exceptions.raise_compiler_error`.
    Raised = "E0206",
    // E03: the graph
    /// `ref()` to nothing.
    UnknownRef = "E0301",
    /// `source()` to nothing.
    UnknownSource = "E0302",
    /// Models that wait for each other.
    Cycle = "E0303",
    /// A selection that names nothing.
    UnknownSelection = "E0304",
    /// A selection that does not parse.
    SelectionSyntax = "E0305",
    /// `ref()` found only while the model ran.
    LateRef = "E0306",
    // E04: SQL
    /// SQL that does not parse.
    SqlSyntax = "E0401",
    /// A table nobody declared.
    UnknownTable = "E0402",
    /// A column its table does not have.
    UnknownColumn = "E0403",
    /// A function nobody knows.
    UnknownFunction = "E0404",
    /// Types that do not go together.
    Type = "E0405",
    /// A column that two tables have.
    AmbiguousColumn = "E0406",
    /// Other SQL that cannot be planned.
    Sql = "E0407",
    /// SQL that means something else than it says.
    Unsupported = "E0408",
    /// Columns that are not those of the model's contract.
    Contract = "E0409",
    // E05: tests
    /// A generic test nobody defined.
    UnknownTest = "E0501",
    /// A test with the wrong arguments.
    TestArguments = "E0502",
    // E06: while it ran
    /// A table that cannot be read or written.
    Storage = "E0601",
    /// The model's columns no longer fit its table.
    SchemaChange = "E0602",
    /// Several rows of one key.
    DuplicateKey = "E0603",
    /// More memory than allowed.
    Memory = "E0604",
    /// A query that failed on the data.
    Execution = "E0605",
    /// Somebody else writes this table now.
    Locked = "E0606",
    /// A source that cannot be read.
    Source = "E0607",
    /// A table that was damaged from outside.
    Damaged = "E0608",
    /// A column that Delta cannot hold.
    ColumnType = "E0609",
    // E07: the command line
    /// Words on the command line that do not fit.
    Usage = "E0701",
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
