/// Counts warnings by kind, so that an attacker who causes the same one for ever does not fill a log.
struct Repetitions<Kind: Hashable> {
    /// Later kinds are counted together.
    private static var maximumKinds: Int { 1024 }

    private var counts: [Kind: Int] = [:]
    private var ofOthers = 0
    private(set) var total = 0

    /// - Returns: how often this kind came, this time included; once the table is full, how often all new ones did.
    mutating func note(_ kind: Kind) -> Int {
        total += 1
        if let count = counts[kind] {
            counts[kind] = count + 1
            return count + 1
        }
        guard counts.count < Self.maximumKinds else {
            ofOthers += 1
            return ofOthers
        }
        counts[kind] = 1
        return 1
    }

    /// Whether to tell of the `count`th time: the 1st, 10th, 100th …
    static func isTold(_ count: Int) -> Bool {
        var rest = count
        while rest >= 10 && rest % 10 == 0 { rest /= 10 }
        return rest == 1
    }
}
