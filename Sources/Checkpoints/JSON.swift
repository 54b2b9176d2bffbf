/// A JSON value; objects keep the order of the text, and a key given twice is an error.
enum JSON: Equatable {
    case null
    case bool(Bool)
    /// As written, since a 64-bit offset does not fit a floating-point number.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    struct Member: Equatable {
        let key: String
        let value: JSON
    }

    subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The value if it is a string.
    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The value if it is a whole number that fits, written without point or exponent.
    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }

    var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }

    var array: [JSON]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    var object: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The value if it is an array of whole numbers.
    var integers: [Int]? {
        guard let items = array else { return nil }
        let values = items.compactMap(\.integer)
        return values.count == items.count ? values : nil
    }

    /// The value if it is an object of strings.
    var strings: [String: String]? {
        guard let members = object else { return nil }
        var result: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { return nil }
            result[member.key] = text
        }
        return result
    }

    /// A one-line object of strings, sorted by key.
    static func object(_ strings: [String: String]) -> String {
        let members = strings.sorted { $0.key < $1.key }.map {
            "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))"
        }
        return "{\(members.joined(separator: ","))}"
    }
}
