extension CheckpointStore {
    /// The newest checkpoint whose manifest and hashes hold.
    ///
    /// - Returns: the checkpoint, nil if there is none; and one line for each newer one that was skipped as damaged.
    /// - Throws: `CheckpointError` if there are checkpoints but none holds, so that nobody takes a lost run for a new one;
    ///   or if the folder cannot be listed.
    public func latest() throws -> (location: CheckpointLocation?, warnings: [String]) {
        var warnings: [String] = []
        for candidate in try candidates() {
            do {
                return (try Self.verified("\(directory)/\(candidate.name)", step: candidate.step), warnings)
            } catch let error as CheckpointError {
                warnings.append("skipped a checkpoint that does not hold: \(error)")
            }
        }
        guard warnings.isEmpty else {
            throw CheckpointError(
                .damaged, path: directory, cause: "no checkpoint here holds: \(warnings.joined(separator: "; "))")
        }
        return (nil, [])
    }

    /// The checkpoint that a user's path means: a step directory, a folder of them, or a run directory with
    /// `checkpoints` in it. Of several, the newest good one.
    ///
    /// - Throws: `CheckpointError` if there is none that holds. A step directory named outright is taken or refused.
    public static func open(_ path: String) throws -> (location: CheckpointLocation, warnings: [String]) {
        let path = FileStatus.trimmingSlashes(path)
        switch FileStatus.kind(of: path) {
        case .absent:
            throw CheckpointError(.notFound, path: path, cause: "no such file or directory")
        case .file:
            throw CheckpointError(
                .notFound, path: path, cause: "a file; give a run, a checkpoints folder or a step directory")
        case .directory:
            break
        }
        let named = step(inName: FileStatus.name(of: path))
        if named != nil || FileStatus.kind(of: "\(path)/\(CheckpointManifest.fileName)") == .file {
            return (try verified(path, step: nil), [])
        }
        let nested = "\(path)/checkpoints"
        let folder = FileStatus.kind(of: nested) == .directory ? nested : path
        let (location, warnings) = try CheckpointStore(directory: folder).latest()
        if let location { return (location, warnings) }
        throw CheckpointError(.notFound, path: folder, cause: "there is no checkpoint here")
    }

    /// Reads a checkpoint, its hashes checked again.
    ///
    /// - Parameter groups: the groups to read; nil: all.
    /// - Throws: `CheckpointError` if a file has changed since it was found, or a wanted group is not there.
    public static func load(_ location: CheckpointLocation, groups: Set<String>? = nil) throws -> CheckpointContents {
        let manifest = location.manifest
        var tensors: [String: [TensorRecord]] = [:]
        for file in manifest.files {
            guard let group = CheckpointManifest.group(ofFile: file.name), groups?.contains(group) ?? true else {
                continue
            }
            try verify(file, of: manifest, in: location.path)
            tensors[group] = try SafeTensors.read("\(location.path)/\(file.name)").tensors
        }
        if let missing = groups?.subtracting(tensors.keys).sorted().first {
            throw CheckpointError(.notFound, path: location.path, cause: "has no group \"\(missing)\"")
        }
        return CheckpointContents(
            step: manifest.step, epoch: manifest.epoch, runID: manifest.runID, created: manifest.created,
            configuration: manifest.configuration, metadata: manifest.metadata, groups: tensors)
    }

    /// The checkpoint in a step directory if all of it holds; `step` is the one that its name says.
    static func verified(_ path: String, step: Int?) throws -> CheckpointLocation {
        let manifest = try CheckpointManifest(directory: path)
        guard step == nil || step == manifest.step else {
            throw CheckpointError(
                .damaged, path: path, cause: "its manifest is of step \(manifest.step): the directory was renamed")
        }
        for file in manifest.files { try verify(file, of: manifest, in: path) }
        return CheckpointLocation(path: path, manifest: manifest)
    }

    /// Checks a file's size and hash, and its tensors against the manifest's index.
    private static func verify(
        _ file: CheckpointManifest.File, of manifest: CheckpointManifest, in directory: String
    ) throws {
        let path = "\(directory)/\(file.name)"
        let readable = try ReadableFile(path: path)
        guard readable.byteCount == file.byteCount else {
            throw CheckpointError(
                .damaged, path: path,
                cause:
                    "has \(readable.byteCount) bytes, but the manifest says \(file.byteCount): cut short or replaced")
        }
        guard try readable.digest() == file.hash else {
            throw CheckpointError(.damaged, path: path, cause: "its hash is not the manifest's: bytes have changed")
        }
        let contents = try SafeTensorsFile(path: path)
        let listed = manifest.tensors.filter { $0.file == file.name }
        let holds =
            listed.map(\.specification) == contents.tensors
            && listed.allSatisfy { $0.offset == contents.byteOffset(of: $0.specification.name) }
        guard holds else {
            throw CheckpointError(.damaged, path: path, cause: "its tensors are not those of the manifest")
        }
    }
}
