/// Writes text as a YAML scalar.
enum YAMLText {
    /// `text` as it is where YAML reads it back unchanged, else in double quotes with escapes.
    static func scalar(_ text: String) -> String {
        let safe = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default:
                "_-./+".utf8.contains(byte)
            }
        }
        let plain = safe && text.utf8.first.map { !"-".utf8.contains($0) } ?? false
        return plain && !["null", "Null", "NULL"].contains(text) ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            case "\u{2028}", "\u{2029}", "\u{FEFF}":
                result += "\\u" + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
