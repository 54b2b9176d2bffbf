/// The part of `bytes` that falls to one of `count` members: all but the last of the same number of whole cache lines,
/// or of `alignment` where that is more.
func evenRange(member: Int, of count: Int, bytes: Int, alignment: Int) -> Range<Int> {
    let line = bytes >= count * 64 * 64 ? max(64, alignment) : alignment
    let lines = (bytes + line - 1) / line
    return min(bytes, lines * member / count * line)..<min(bytes, lines * (member + 1) / count * line)
}

/// How many of `count` things each of `members` gets, in order: as even as can be.
public func evenCounts(_ count: Int, over members: Int) -> [Int] {
    (0..<members).map { count * ($0 + 1) / members - count * $0 / members }
}
