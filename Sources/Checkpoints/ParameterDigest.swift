/// One digest over the parameters of a checkpoint, for telling whether two hold the same weights.
///
/// BLAKE2b-256 over the ASCII text `murmuration parameters 1\n` and then, for every tensor of the chosen groups, in the
/// order of the UTF-8 bytes of its qualified name `group/name`:
///
/// 1. the qualified name: its length in bytes as 64-bit little-endian, then its UTF-8 bytes;
/// 2. the type's safetensors name (`F32`, …), likewise with its length;
/// 3. the number of dimensions, then each dimension, as 64-bit little-endian;
/// 4. the number of bytes as 64-bit little-endian, then the bytes, row-major and little-endian.
///
/// Neither the order of tensors in a file, nor names of files, nor metadata show in it.
public enum ParameterDigest {
    /// The groups that count as parameters: the encoder, its buffers such as running means included, and the heads.
    public static let parameterGroups: Set<String> = ["backbone", "heads"]

    /// The digest of `groups` (all of them if nil) as 64 hexadecimal digits.
    ///
    /// - Parameter contents: tensors by group name.
    public static func hex(
        of contents: [String: [TensorRecord]], groups: Set<String>? = parameterGroups
    ) -> String {
        var tensors: [(name: [UInt8], record: TensorRecord)] = []
        for (group, records) in contents where groups?.contains(group) ?? true {
            tensors += records.map { (Array("\(group)/\($0.name)".utf8), $0) }
        }
        tensors.sort { $0.name.lexicographicallyPrecedes($1.name) }
        var digest = Digest()
        digest.update("murmuration parameters 1\n")
        for (name, record) in tensors {
            digest.update(name.count)
            name.withUnsafeBytes { digest.update($0) }
            digest.update(record.type.rawValue.utf8.count)
            digest.update(record.type.rawValue)
            digest.update(record.shape.count)
            for dimension in record.shape { digest.update(dimension) }
            digest.update(record.bytes.count)
            record.bytes.withUnsafeBytes { digest.update($0) }
        }
        return digest.finish()
    }
}
