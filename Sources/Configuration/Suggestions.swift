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

    /// Up to three of `names`: those that end in the key's last component, else those at the least edit distance.
    public static func nearest(to key: String, in names: [String]) -> [String] {
        let key = key.lowercased().replacing("-", with: "_")
        if names.contains(key) { return [key] }
        let lastComponent = key.split(separator: ".").last.map(String.init) ?? key
        let suffixed = names.filter { $0.hasSuffix("." + lastComponent) || $0 == lastComponent }
        if (1...3).contains(suffixed.count) { return suffixed }
        // A key has no more than a few dozen characters; what is much longer is no slip of the finger.
        guard key.utf8.count <= 64 else { return [] }
        let scored = names.map { name in
            let component = name.split(separator: ".").last.map(String.init) ?? name
            return (name: name, distance: min(distance(key, name), distance(lastComponent, component)))
        }
        let least = scored.map(\.distance).min() ?? 0
        guard least <= max(1, lastComponent.count / 3) else { return [] }
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
