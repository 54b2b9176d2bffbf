/// Finds the key that a mistaken one was meant to be.
public enum Suggestions {
    /// Completes "key: …" for an unknown key, with the likely right one or the place where all are listed.
    static func unknownKey(_ key: String) -> String {
        if ConfigurationSchema.groups.contains(key) {
            let members = ConfigurationSchema.keys.map(\.name).filter { $0.hasPrefix(key + ".") }
            return "a group of keys, not a key; it has \(members.joined(separator: ", "))"
        }
        let candidates = nearest(to: key, in: ConfigurationSchema.keys.map(\.name))
        guard !candidates.isEmpty else { return "unknown key; `murmur config` lists all keys" }
        return "unknown key; did you mean \(candidates.joined(separator: " or "))?"
    }

    /// Up to three of `names`: those a slip of the finger away; else those that end in the key's last component, such as
    /// `loss.temperature` for `temperature`; else those whose last component is a slip away.
    public static func nearest(to key: String, in names: [String]) -> [String] {
        // What is much longer than any key is no slip of the finger.
        guard key.utf8.count <= 64 else { return [] }
        func plain(_ text: some StringProtocol) -> String { text.lowercased().replacing("-", with: "_") }
        func lastComponent(_ text: String) -> String { plain(text.split(separator: ".").last ?? "") }
        let whole = closest(to: plain(key), in: names.map { ($0, plain($0)) })
        if !whole.isEmpty { return whole }
        let last = lastComponent(key)
        let components = names.map { ($0, lastComponent($0)) }
        let suffixed = components.filter { $0.1 == last }.map(\.0)
        return suffixed.isEmpty ? closest(to: last, in: components) : Array(suffixed.prefix(3))
    }

    /// The names, up to three, whose text is nearest to `key`, if they are near.
    private static func closest(to key: String, in candidates: [(name: String, text: String)]) -> [String] {
        let scored = candidates.map { (name: $0.name, distance: distance(key, $0.text)) }
        guard let least = scored.map(\.distance).min(), least <= (key.count < 6 ? 1 : 2) else { return [] }
        return Array(scored.filter { $0.distance == least }.map(\.name).prefix(3))
    }

    /// Edits (insertion, deletion, substitution, swap of neighbours) that turn `a` into `b`. O(|a|·|b|).
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
