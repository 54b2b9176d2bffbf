extension MethodCatalogue {
    /// All methods for a terminal: name, what it is, where it is from, the presets.
    public static var listing: String {
        let width = (all.map(\.method.rawValue.count).max() ?? 0) + 2
        return all.map { entry in
            let name = entry.method.rawValue
            return name + String(repeating: " ", count: width - name.count) + "\(entry.title): \(entry.summary)\n"
                + ConfigurationSchema.wrapped(entry.source, indent: 4, width: 116)
                + ConfigurationSchema.wrapped(entry.presets.joined(separator: " "), indent: 4, width: 116)
        }.joined(separator: "\n")
    }
}

extension MethodEntry {
    /// What there is to tell of the method, for a terminal.
    public var text: String {
        let settings = settings
        let width = (settings.map(\.key.count).max() ?? 0) + 2
        let rows = settings.map { key, value in
            "  " + key + String(repeating: " ", count: width - key.count) + value + "\n"
        }
        return "\(title): \(summary)\n"
            + ConfigurationSchema.wrapped("\(source); see \(page)", indent: 4, width: 116)
            + "\nsettings, with the method's own values (murmur config explains them and all others):\n" + rows.joined()
            + "\nacross workers, besides gradients of parameters and statistics of batch normalisation:\n"
            + ConfigurationSchema.wrapped(exchange, indent: 2, width: 116)
            + "\npresets:\n" + presets.map { "  \($0)\n" }.joined()
    }
}
