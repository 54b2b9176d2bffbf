/// Why a dataset cannot be opened: what is wrong, where, and what to do.
public enum DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing is at the path.
    case missing(path: String)
    /// The path exists, but the system refuses to read it.
    case unreadable(path: String, cause: String)
    /// The path holds no image at all.
    case empty(path: String)
    /// A file that is no archive, or a folder of none of the known layouts.
    case unrecognised(path: String, cause: String)
    /// The layout is known, but a file of it is not there.
    case incomplete(path: String, missingFile: String)
    /// The images are divided into splits, and the one asked for is not among them.
    case missingSplit(path: String, wanted: DatasetSplit, present: [String])
    /// A binary file whose length does not fit what it should hold.
    case truncated(file: String, expected: Int, found: Int)
    /// A file whose content contradicts its format.
    case corrupt(file: String, cause: String)

    public var description: String {
        switch self {
        case .missing(let path):
            "no dataset at \(path): check the path (a folder, a tar, or a directory of IDX or CIFAR files)"
        case .unreadable(let path, let cause):
            "cannot read the dataset \(path): \(cause); check its permissions"
        case .empty(let path):
            "the dataset \(path) holds no image: put JPEG or PNG files into it, one folder per class"
        case .unrecognised(let path, let cause):
            "the dataset \(path) has no known layout (\(cause)): give a folder or tar of JPEG/PNG images, "
                + "IDX files or CIFAR binaries"
        case .incomplete(let path, let missingFile):
            "the dataset \(path) lacks the file \(missingFile): fetch the dataset again, whole"
        case .missingSplit(let path, let wanted, let present):
            "the dataset \(path) has no \(wanted.rawValue) images, only \(present.joined(separator: ", ")): "
                + "open another split or another file"
        case .truncated(let file, let expected, let found):
            "\(file) has \(found) bytes where \(expected) are expected: fetch the file again"
        case .corrupt(let file, let cause):
            "\(file) is corrupt (\(cause)): fetch the file again"
        }
    }
}

/// Why an image cannot be decoded.
public struct ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The image's name within its dataset, or the path of a file.
    public let name: String
    public let cause: String

    public init(name: String, cause: String) {
        self.name = name
        self.cause = cause
    }

    public var description: String {
        "the image \(name) cannot be decoded: \(cause); replace or remove it"
    }
}
