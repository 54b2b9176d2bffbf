/// How many similarities are held at a time: 2 MiB of float32, which a core's caches hold.
let defaultPairBlock = 1 << 19

/// A piece of the matrix of anchors and keys.
struct PairBlock {
    let anchors: Range<Int>
    let keys: Range<Int>

    /// The matrix in pieces of about `elements`, those of one block of anchors after one another. Pieces are square as far
    /// as they can be: long thin ones make slow products.
    static func all(anchors: Int, keys: Int, elements: Int) -> [PairBlock] {
        guard keys > 0 else { return [] }
        let width = min(keys, elements, 1024)
        let height = max(1, elements / width)
        return stride(from: 0, to: anchors, by: height).flatMap { anchor in
            stride(from: 0, to: keys, by: width).map { key in
                PairBlock(anchors: anchor..<min(anchor + height, anchors), keys: key..<min(key + width, keys))
            }
        }
    }
}
