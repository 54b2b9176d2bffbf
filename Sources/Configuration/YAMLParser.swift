import CYAML

/// Reads one YAML document with libyaml's event interface into a `YAMLNode`.
///
/// Anchors, aliases, merge keys, tags and more than one document are refused: a configuration needs none of them.
struct YAMLParser: ~Copyable {
    /// Levels of nesting that a document may have.
    static let maximumDepth = 16

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let name: String

    /// Parses `text`; `name` stands for the file in errors.
    ///
    /// - Returns: nil for a document without content.
    /// - Throws: `ConfigurationError` with the line of the mistake.
    static func parse(_ text: String, name: String) throws -> YAMLNode? {
        var bytes = Array(text.utf8)
        // A document may be empty; the buffer handed to libyaml must still have an address.
        bytes.append(0x0A)
        return try bytes.withUnsafeBufferPointer { buffer in
            var parser = try YAMLParser(name: name)
            yaml_parser_set_input_string(parser.parser, buffer.baseAddress, buffer.count)
            return try parser.document()
        }
    }

    private init(name: String) throws {
        self.name = name
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw ConfigurationError(place: .file(name, line: nil), message: "no memory for the YAML parser")
        }
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private enum Event {
        case scalar(String, plain: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case documentStart, documentEnd, streamEnd, other
    }

    private mutating func document() throws -> YAMLNode? {
        var root: YAMLNode?
        var documents = 0
        while true {
            let (event, line) = try next()
            switch event {
            case .streamEnd:
                return root
            case .documentStart:
                documents += 1
                guard documents == 1 else { throw error(line, "a second document begins here; one is allowed") }
            case .documentEnd, .other:
                continue
            default:
                root = try node(from: event, line: line, depth: 1)
            }
        }
    }

    private mutating func node(from event: Event, line: Int, depth: Int) throws -> YAMLNode {
        guard depth <= Self.maximumDepth else {
            throw error(line, "nested more than \(Self.maximumDepth) levels deep")
        }
        switch event {
        case .scalar(let text, let plain):
            return YAMLNode(value: .scalar(text, plain: plain), line: line)
        case .sequenceStart:
            return YAMLNode(value: .sequence(try sequence(depth: depth)), line: line)
        case .mappingStart:
            return YAMLNode(value: .mapping(try mapping(depth: depth)), line: line)
        default:
            throw error(line, "unexpected end of a value")
        }
    }

    private mutating func sequence(depth: Int) throws -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let (event, line) = try next()
            if case .sequenceEnd = event { return items }
            items.append(try node(from: event, line: line, depth: depth + 1))
        }
    }

    private mutating func mapping(depth: Int) throws -> [(key: String, line: Int, node: YAMLNode)] {
        var entries: [(key: String, line: Int, node: YAMLNode)] = []
        var lines: [String: Int] = [:]
        while true {
            let (event, line) = try next()
            switch event {
            case .mappingEnd:
                return entries
            case .scalar("<<", plain: true):
                throw error(line, "merge keys (<<) are not supported; write the keys out")
            case .scalar(let key, _):
                if let first = lines.updateValue(line, forKey: key) {
                    throw ConfigurationError(
                        place: .file(name, line: line), key: key, message: "given twice, first in line \(first)")
                }
                let (event, valueLine) = try next()
                entries.append((key, line, try node(from: event, line: valueLine, depth: depth + 1)))
            default:
                throw error(line, "a key must be a plain word, not a list or a mapping")
            }
        }
    }

    /// The next event; refuses the YAML features that a configuration has no use for.
    private mutating func next() throws -> (Event, line: Int) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw parserError() }
        defer { yaml_event_delete(&event) }
        let line = event.start_mark.line + 1
        switch event.type {
        case YAML_ALIAS_EVENT:
            throw error(line, "aliases (*name) are not supported; write the value out")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuse(anchor: scalar.anchor, tag: scalar.tag, line: line)
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return (
                .scalar(String(decoding: bytes, as: UTF8.self), plain: scalar.style == YAML_PLAIN_SCALAR_STYLE), line
            )
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, line: line)
            return (.sequenceStart, line)
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, line: line)
            return (.mappingStart, line)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, line)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, line)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, line)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, line)
        case YAML_STREAM_END_EVENT: return (.streamEnd, line)
        default: return (.other, line)
        }
    }

    private func refuse(anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, line: Int) throws {
        if anchor != nil { throw error(line, "anchors (&name) are not supported; write the value out") }
        if tag != nil { throw error(line, "tags (!name) are not supported") }
    }

    private func parserError() -> ConfigurationError {
        let state = parser.pointee
        let line = state.error == YAML_READER_ERROR ? nil : Int(state.problem_mark.line) + 1
        let problem = state.problem.map { String(cString: $0) } ?? "unreadable"
        let context = state.context.map { " (\(String(cString: $0)))" } ?? ""
        return ConfigurationError(place: .file(name, line: line), message: "not valid YAML: \(problem)\(context)")
    }

    private func error(_ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError(place: .file(name, line: line), message: message)
    }
}
