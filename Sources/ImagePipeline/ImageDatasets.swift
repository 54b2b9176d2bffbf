import Glibc

/// Opens datasets, whatever their layout.
public enum ImageDatasets {
    /// Opens what lies at `path` and recognises its layout by content:
    ///
    /// - IDX files of MNIST or Fashion-MNIST, with or without gzip (`train-images-idx3-ubyte` and so on): 1 channel;
    /// - the binary version of CIFAR-10 or CIFAR-100 (fine labels): 3 channels;
    /// - JPEG and PNG files in ImageFolder layout: 3 channels.
    ///
    /// Each may lie in a folder or in a tar. Where a layout has no splits, every split gives all images.
    ///
    /// - Throws: `DatasetError`.
    public static func open(_ path: String, split: DatasetSplit) throws -> any ImageDataset {
        var root = path
        while root.count > 1 && root.hasSuffix("/") { root.removeLast() }
        var status = stat()
        guard stat(root, &status) == 0 else {
            throw errno == ENOENT || errno == ENOTDIR
                ? DatasetError.missing(path: path)
                : DatasetError.unreadable(path: path, cause: SystemFailure.latest)
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return try open(DirectoryTree(root: root), split: split)
        case S_IFREG: return try open(ArchiveTree(path: root), split: split)
        default: throw DatasetError.unrecognised(path: path, cause: "neither a folder nor a file")
        }
    }

    private static func open(_ tree: some FileTree, split: DatasetSplit) throws -> any ImageDataset {
        let files = BinaryFiles.find(in: tree)
        if let dataset = try IDXDataset.open(tree, files: files, split: split) { return dataset }
        if let dataset = try CIFARDataset.open(tree, files: files, split: split) { return dataset }
        return try EncodedDataset(tree: tree, split: split)
    }
}
