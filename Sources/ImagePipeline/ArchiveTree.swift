import CArchive

/// The visible files of a tar, indexed once.
///
/// An uncompressed tar stays where it is: the file is mapped and every entry is a range of the mapping. From a
/// compressed one (gzip, xz, zstd, …) the files that a dataset can use are unpacked into memory.
///
/// libarchive reads all dialects of tar (ustar, pax, GNU). Over one block of memory it hands out pointers into that
/// very block, which gives the ranges. A hard link is the file that it names; symbolic links are left out.
final class ArchiveTree: FileTree {
    let root: String
    let paths: [String]
    private let mapping: MappedFile
    private let unpacked: [UInt8]
    private let places: [Place]

    private enum Place {
        case mapped(Range<Int>)
        case unpacked(Range<Int>)
    }

    /// - Throws: `DatasetError.unreadable`, `.unrecognised` when the file is no tar, `.corrupt` when it is damaged.
    init(path: String) throws {
        root = path
        mapping = try MappedFile(path: path)
        guard !mapping.bytes.isEmpty else { throw DatasetError.empty(path: path) }
        var scan = Scan(mapping: mapping.bytes)
        try scan.run(path: path)
        let order = scan.files.indices.sorted { TreePath.precedes(scan.files[$0].path, scan.files[$1].path) }
        paths = order.map { scan.files[$0].path }
        places = order.map { scan.files[$0].place }
        unpacked = scan.unpacked
    }

    func withBytes<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        switch places[index] {
        case .mapped(let range):
            return try body(UnsafeRawBufferPointer(rebasing: mapping.bytes[range]))
        case .unpacked(let range):
            return try unpacked.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }

    /// One pass over the archive.
    private struct Scan {
        let mapping: UnsafeRawBufferPointer
        private(set) var files: [(path: String, place: Place)] = []
        private(set) var unpacked: [UInt8] = []
        private var positions: [String: Int] = [:]

        init(mapping: UnsafeRawBufferPointer) {
            self.mapping = mapping
        }

        mutating func run(path: String) throws {
            guard let archive = archive_read_new() else {
                throw DatasetError.unreadable(path: path, cause: "out of memory")
            }
            defer { archive_read_free(archive) }
            archive_read_support_format_tar(archive)
            // Not all filters: some of libarchive's start other programs.
            archive_read_support_filter_gzip(archive)
            archive_read_support_filter_bzip2(archive)
            archive_read_support_filter_xz(archive)
            archive_read_support_filter_zstd(archive)
            guard archive_read_open_memory(archive, mapping.baseAddress, mapping.count) == ARCHIVE_OK else {
                throw DatasetError.unrecognised(path: path, cause: Self.message(archive))
            }
            var entry: OpaquePointer?
            var isFirst = true
            while true {
                let status = archive_read_next_header(archive, &entry)
                if status == ARCHIVE_EOF { return }
                guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
                    let cause = Self.message(archive)
                    throw isFirst
                        ? DatasetError.unrecognised(path: path, cause: cause)
                        : DatasetError.corrupt(file: path, cause: cause)
                }
                isFirst = false
                // In the C locale only one of the two forms of a name may exist.
                guard let name = archive_entry_pathname(entry) ?? archive_entry_pathname_utf8(entry),
                    let visible = TreePath.visible(String(cString: name)),
                    TreePath.isImage(visible) || BinaryFiles.isKnown(visible)
                else { continue }
                if let target = archive_entry_hardlink(entry) ?? archive_entry_hardlink_utf8(entry) {
                    guard let original = TreePath.visible(String(cString: target)).flatMap({ positions[$0] }) else {
                        throw DatasetError.corrupt(
                            file: "\(path)/\(visible)",
                            cause: "a link to \(String(cString: target)), which is not there")
                    }
                    add(visible, files[original].place)
                } else if archive_entry_filetype(entry) == S_IFREG {
                    add(visible, try place(of: archive, file: "\(path)/\(visible)"))
                }
            }
        }

        /// Of several entries with one name the last one counts, as when unpacking.
        private mutating func add(_ path: String, _ place: Place) {
            if let position = positions[path] {
                files[position].place = place
            } else {
                positions[path] = files.count
                files.append((path, place))
            }
        }

        /// Where the current entry's data are: in the mapping if they can stay there, else in `unpacked`.
        private mutating func place(of archive: OpaquePointer, file: String) throws -> Place {
            let start = unpacked.count
            var inPlace: Range<Int>?
            while true {
                var block: UnsafeRawPointer?
                var size = 0
                var offset: Int64 = 0
                let status = archive_read_data_block(archive, &block, &size, &offset)
                if status == ARCHIVE_EOF { break }
                guard status == ARCHIVE_OK || status == ARCHIVE_WARN else {
                    throw DatasetError.corrupt(file: file, cause: Self.message(archive))
                }
                guard let block, size > 0 else { continue }
                guard Int(offset) == inPlace?.count ?? (unpacked.count - start) else {
                    throw DatasetError.corrupt(file: file, cause: "stored as a sparse file, which is not supported")
                }
                if offset == 0, let range = mapped(block, size) {
                    inPlace = range
                    continue
                }
                if let range = inPlace {
                    unpacked.append(contentsOf: mapping[range])
                    inPlace = nil
                }
                unpacked.append(contentsOf: UnsafeRawBufferPointer(start: block, count: size))
            }
            return inPlace.map { .mapped($0) } ?? .unpacked(start..<unpacked.count)
        }

        /// The block's range of the mapping; nil where it lies elsewhere.
        private func mapped(_ block: UnsafeRawPointer, _ size: Int) -> Range<Int>? {
            let start = block - mapping.baseAddress!
            guard start >= 0, start <= mapping.count, size <= mapping.count - start else { return nil }
            return start..<start + size
        }

        private static func message(_ archive: OpaquePointer) -> String {
            archive_error_string(archive).map { String(cString: $0) } ?? "not a tar archive"
        }
    }
}
