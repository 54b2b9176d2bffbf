extension ConfigurationSchema {
    /// All keys for a terminal, one line each with its default, and below it what it means and allows.
    public static var helpText: String {
        var text = ""
        for key in keys {
            text += "\(key.name) (\(key.defaultText))\n"
            text += wrapped("\(key.documentation.filter { $0 != "`" }) Allowed: \(key.allowed).", indent: 4, width: 100)
        }
        return text
    }

    /// The table of `docs/configuration.md`.
    public static var markdownTable: String {
        var text = "| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n"
        for key in keys {
            let mark = key.definesTrajectory ? "" : " °"
            text += "| `\(key.name)`\(mark) | \(code(key.defaultText)) | \(key.allowed) | \(key.documentation) |\n"
        }
        return text
    }

    private static func code(_ text: String) -> String {
        ["required", "unset"].contains(text) ? text : "`\(text)`"
    }

    /// Breaks `text` at spaces into lines of at most `width` columns, each indented.
    static func wrapped(_ text: String, indent: Int, width: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = margin
        for word in text.split(separator: " ") {
            if line.count + word.count + 1 > width, line.count > indent {
                lines.append(line)
                line = margin
            }
            line += (line.count > indent ? " " : "") + word
        }
        lines.append(line)
        return lines.joined(separator: "\n") + "\n"
    }
}
