/// A value of a YAML document together with the line it begins on.
///
/// Scalars stay text: the schema, not YAML's guessing, gives them a type.
struct YAMLNode {
    enum Value {
        /// `plain` is false for quoted and block scalars, so that `"null"` can be told from `null`.
        case scalar(String, plain: Bool)
        case sequence([YAMLNode])
        /// In the order of the file; keys are unique.
        case mapping([(key: String, line: Int, node: YAMLNode)])
    }

    let value: Value
    /// Counted from 1.
    let line: Int

    /// Whether this is an absent value: `key:`, `key: ~` or `key: null`.
    var isNull: Bool {
        guard case .scalar(let text, plain: true) = value else { return false }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }
}
