extension CheckpointStore {
    /// Saves a checkpoint and then removes old ones.
    ///
    /// Everything is written and synced under a temporary name in the same folder; the rename at the end makes it real.
    /// If anything fails before, what was written is removed again and the checkpoints that there were are untouched.
    ///
    /// - Parameter keep: how many to keep, this one included and counted back from it; 0 or less: all.
    /// - Returns: the step directory; and one line for each old one that could not be removed.
    /// - Throws: `CheckpointError` with the file and the cause, such as a full disk.
    @discardableResult
    public func save(_ contents: CheckpointContents, keep: Int) throws -> (path: String, warnings: [String]) {
        try check(contents)
        try fileSystem.createDirectories(directory)
        try removeLeftovers()
        let name = Self.name(ofStep: contents.step)
        let temporary = "\(directory)/\(Self.temporaryPrefix)\(name)"
        do {
            try write(contents, to: temporary)
            try publish(temporary, as: name)
        } catch {
            // The first failure is the one to report; what cannot be removed now is removed by the next save.
            try? fileSystem.removeTree(temporary)
            throw error
        }
        return ("\(directory)/\(name)", prune(savedStep: contents.step, keep: keep))
    }

    private func check(_ contents: CheckpointContents) throws {
        guard contents.step >= 0 else {
            throw CheckpointError(.invalid, path: directory, cause: "step \(contents.step) is negative")
        }
        guard contents.created.isFinite else {
            throw CheckpointError(.invalid, path: directory, cause: "the time \(contents.created) is not a number")
        }
        for group in contents.groups.keys where !CheckpointManifest.isGroupName(group) {
            throw CheckpointError(
                .invalid, path: directory,
                cause: "\"\(group)\" is not a group name: lower-case letters, digits and -, at most 64")
        }
    }

    /// Writes and syncs all files and then the directory's names.
    private func write(_ contents: CheckpointContents, to path: String) throws {
        try fileSystem.createDirectory(path)
        var files: [CheckpointManifest.File] = []
        var tensors: [CheckpointManifest.Tensor] = []
        for (group, records) in contents.groups.sorted(by: { $0.key < $1.key }) {
            let name = CheckpointManifest.fileName(ofGroup: group)
            let (file, written) = try write(records, to: "\(path)/\(name)", name: name)
            files.append(file)
            tensors += written
        }
        let manifest = CheckpointManifest(
            step: contents.step, epoch: contents.epoch, runID: contents.runID, created: contents.created,
            configuration: contents.configuration, configurationDigest: Digest.hex(of: contents.configuration),
            metadata: contents.metadata, files: files, tensors: tensors)
        let sink = try fileSystem.createFile("\(path)/\(CheckpointManifest.fileName)")
        defer { sink.abandon() }
        var text = manifest.text
        try text.withUTF8 { try sink.write(UnsafeRawBufferPointer($0)) }
        try sink.finish()
        try fileSystem.syncDirectory(path)
    }

    private func write(
        _ records: [TensorRecord], to path: String, name: String
    ) throws -> (CheckpointManifest.File, [CheckpointManifest.Tensor]) {
        let ordered = try SafeTensors.ordered(records, path: path)
        let header = try SafeTensorsHeader(tensors: ordered.map(\.specification), metadata: [:], path: path)
        let sink = try fileSystem.createFile(path)
        defer { sink.abandon() }
        var digest = Digest()
        var byteCount = 0
        for piece in [header.bytes] + ordered.map(\.bytes) {
            try piece.withUnsafeBytes { raw in
                digest.update(raw)
                try sink.write(raw)
            }
            byteCount += piece.count
        }
        try sink.finish()
        let tensors = header.entries.map { entry in
            CheckpointManifest.Tensor(
                specification: entry.specification, file: name, offset: header.dataOffset + entry.range.lowerBound)
        }
        return (CheckpointManifest.File(name: name, byteCount: byteCount, hash: digest.finish()), tensors)
    }

    /// Gives a whole and synced directory its name.
    ///
    /// A directory cannot be renamed over another that has files in it. One of the same step is first moved to a name
    /// under which readers still find it, so that there is no moment without a good checkpoint.
    private func publish(_ temporary: String, as name: String) throws {
        let path = "\(directory)/\(name)"
        let replaced = path + Self.replacedSuffix
        var replaces = FileStatus.kind(of: path) != .absent
        if replaces, FileStatus.kind(of: replaced) != .absent {
            // `removeLeftovers` kept the other, so this one is damaged.
            try retire(name)
            replaces = false
        }
        if replaces { try fileSystem.rename(path, to: replaced) }
        do {
            try fileSystem.rename(temporary, to: path)
        } catch {
            if replaces { try? fileSystem.rename(replaced, to: path) }
            throw error
        }
        try fileSystem.syncDirectory(directory)
    }

    /// Removes what an interrupted save or removal left behind.
    private func removeLeftovers() throws {
        for name in try FileStatus.entries(of: directory) {
            let path = "\(directory)/\(name)"
            if name.hasPrefix(Self.temporaryPrefix) {
                try fileSystem.removeTree(path)
            } else if name.hasSuffix(Self.replacedSuffix), let step = Self.step(inName: name),
                isPlausible(Self.name(ofStep: step), step: step)
            {
                try retire(name)
            }
        }
    }

    /// Keeps `keep` checkpoints up to `savedStep` and removes those before them, damaged ones included.
    ///
    /// Later steps are not counted: they are of a future that this run has yet to reach, or are damaged, and must not
    /// push out what was just saved.
    private func prune(savedStep: Int, keep: Int) -> [String] {
        var warnings: [String] = []
        func attempt(_ body: () throws -> Void) {
            do { try body() } catch { warnings.append("an old checkpoint could not be removed: \(error)") }
        }
        attempt {
            let replaced = Self.name(ofStep: savedStep) + Self.replacedSuffix
            if FileStatus.kind(of: "\(directory)/\(replaced)") != .absent { try retire(replaced) }
            guard keep > 0 else { return }
            var kept: Set<Int> = []
            for candidate in try candidates() where candidate.step <= savedStep {
                if kept.contains(candidate.step) { continue }
                if kept.count < keep, isPlausible(candidate.name, step: candidate.step) {
                    kept.insert(candidate.step)
                } else if kept.count == keep {
                    attempt { try retire(candidate.name) }
                }
            }
        }
        return warnings
    }

    /// Whether a manifest holds and its files have the right sizes; their hashes are not computed.
    private func isPlausible(_ name: String, step: Int) -> Bool {
        let path = "\(directory)/\(name)"
        guard let manifest = try? CheckpointManifest(directory: path), manifest.step == step else { return false }
        return manifest.files.allSatisfy { (try? ReadableFile(path: "\(path)/\($0.name)").byteCount) == $0.byteCount }
    }

    /// Removes a checkpoint: takes its name away first, so that a removal cut short leaves no half of one.
    private func retire(_ name: String) throws {
        let temporary = "\(directory)/\(Self.temporaryPrefix)removed-\(name)"
        try fileSystem.removeTree(temporary)
        try fileSystem.rename("\(directory)/\(name)", to: temporary)
        try fileSystem.syncDirectory(directory)
        try fileSystem.removeTree(temporary)
    }
}
