/// One option of a command: `--name VALUE`, or a plain `--name` where there is no value.
struct OptionSyntax {
    let name: String
    /// What the help calls the value; nil for a flag.
    let value: String?
    let help: String

    init(_ name: String, _ value: String? = nil, _ help: String) {
        self.name = name
        self.value = value
        self.help = help
    }
}

/// What a command takes, from which both its parser and its help are made.
struct CommandSyntax {
    /// As typed after `murmur`: `train`, `eval knn`.
    let name: String
    /// One line for the overview.
    let summary: String
    /// The names of the positional arguments, in order; all are required.
    let positionals: [String]
    /// One more that may be left out.
    let optional: String?
    /// Whether `key=value` words are taken, and what they set.
    let settings: String?
    let options: [OptionSyntax]
    /// Further paragraphs for the command's own help.
    let discussion: String

    init(
        _ name: String, _ summary: String, positionals: [String] = [], optional: String? = nil,
        settings: String? = nil, options: [OptionSyntax] = [], discussion: String = ""
    ) {
        self.name = name
        self.summary = summary
        self.positionals = positionals
        self.optional = optional
        self.settings = settings
        self.options = options
        self.discussion = discussion
    }

    var mostPositionals: Int { positionals.count + (optional == nil ? 0 : 1) }

    /// How to call the command, on one line.
    var usage: String { usageWords.joined(separator: " ") }

    /// What is not broken when the usage takes several lines.
    private var usageWords: [String] {
        var words = ["murmur", name] + positionals
        if let optional { words.append("[\(optional)]") }
        if settings != nil { words.append("[key=value …]") }
        return words
            + options.map { option in
                "[\(option.name)\(option.value.map { " \($0)" } ?? "")]"
            }
    }

    /// The usage for a terminal: at most 100 columns, further lines indented.
    private var usageLines: [String] {
        var lines = ["usage:"]
        for word in usageWords {
            if lines[lines.count - 1].count + 1 + word.count <= 100 {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append("           " + word)
            }
        }
        return lines
    }

    /// The text of `murmur NAME --help`.
    var help: String {
        var lines = [summary, ""] + usageLines
        if let settings { lines += ["", "key=value: \(settings)"] }
        if !options.isEmpty {
            lines += ["", "options:"]
            let names = options.map { "\($0.name)\($0.value.map { " \($0)" } ?? "")" }
            let width = (names.map(\.count).max() ?? 0) + 2
            for (name, option) in zip(names, options) {
                lines.append("  " + name + String(repeating: " ", count: width - name.count) + option.help)
            }
        }
        if !discussion.isEmpty { lines += ["", discussion] }
        return lines.joined(separator: "\n")
    }
}
