extension RunConfiguration {
    /// The whole configuration as YAML, every key with its value, in nested groups; reads back to an equal value.
    public var resolvedYAML: String {
        var text = ""
        var group = ""
        for key in ConfigurationSchema.keys {
            let parts = key.name.split(separator: ".", maxSplits: 1).map(String.init)
            let value = key.read(self) ?? "null"
            if parts.count == 1 {
                text += "\(key.name): \(value)\n"
            } else {
                if parts[0] != group {
                    group = parts[0]
                    text += "\(group):\n"
                }
                text += "  \(parts[1]): \(value)\n"
            }
        }
        return text
    }

    /// The settings that define which steps the run takes, one `key: value` line each in the schema's order.
    ///
    /// A checkpoint keeps this text; another run may resume it only if `differences(fromTrajectory:)` finds none.
    /// Left out is what changes where and how fast the steps are taken but not the steps: the path of the data,
    /// threads, loading, cadence of checkpoints, cluster, progress; and the length of the run where neither the
    /// learning rate nor a target's momentum depends on it.
    public var trajectoryText: String {
        trajectoryKeys.map { key in "\(key.name): \(key.read(self) ?? "null")\n" }.joined()
    }

    private var trajectoryKeys: [ConfigurationKey] {
        ConfigurationSchema.keys.filter { key in
            key.definesTrajectory && !(mayBeProlonged && Self.lengthKeys.contains(key.name))
        }
    }

    private var mayBeProlonged: Bool {
        schedule.name == .constant && (!method.hasTarget || target.momentum == target.finalMomentum)
    }

    private static let lengthKeys = ["epochs", "steps"]

    /// What keeps this run from resuming a checkpoint with `text` as its `trajectoryText`.
    ///
    /// A key absent from `text` (written before the key existed) counts as its default.
    ///
    /// - Returns: one line for each differing key with both values, `key: a in the checkpoint, b now`; empty if none.
    public func differences(fromTrajectory text: String) -> [String] {
        var theirs = RunConfiguration()
        var result: [String] = []
        do {
            let settings = try Settings(yaml: text, name: "the checkpoint's configuration")
            for key in settings.order {
                guard let entry = settings.entries[key] else { continue }
                if ConfigurationSchema.key(named: key) == nil {
                    result.append("\(key): \(entry.value.shown) in the checkpoint, not a key of this version")
                } else {
                    try theirs.set(key, to: entry.value, at: entry.place)
                }
            }
        } catch {
            return ["\(error)"]
        }
        // What an older version left to the method is what the method has.
        theirs.resolveMethod()
        let theirKeys = theirs.trajectoryKeys.map(\.name)
        for key in trajectoryKeys where theirKeys.contains(key.name) {
            let (old, new) = (key.read(theirs) ?? "unset", key.read(self) ?? "unset")
            if old != new { result.append("\(key.name): \(old) in the checkpoint, \(new) now") }
        }
        return result
    }
}
