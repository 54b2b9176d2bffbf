extension CollectivePlan: CustomStringConvertible {
    /// One line for a log: what was measured and what was chosen.
    public var description: String {
        let ranks = model.ranks == 1 ? "1 rank" : "\(model.ranks) ranks"
        let hosts = model.hostCount == 1 ? "1 host" : "\(model.hostCount) hosts"
        guard model.ranks > 1 else { return "collectives: 1 rank, nothing to exchange" }
        var parts = ["collectives: \(ranks) on \(hosts)"]
        if model.hostCount > 1 { parts.append("network \(words(model.network))") }
        if model.ranks > model.hostCount {
            parts.append("host \(words(model.host))")
            if let memory = model.sharedMemory { parts.append("shared memory \(words(memory))") }
        }
        let chunks = large == .ring || large == .hierarchical ? " in chunks of \(words(bytes: chunkBytes))" : ""
        let packed = smallPackedBytes < smallBytes ? " (\(words(bytes: smallPackedBytes)) of packed sums)" : ""
        parts.append(
            small == large || smallBytes == 0
                ? "\(large.words)\(chunks)"
                : "\(small.words) up to \(words(bytes: smallBytes))\(packed), then \(large.words)\(chunks)")
        return parts.joined(separator: "; ")
    }
}

private func words(_ cost: LinkCost) -> String {
    let rate = cost.beta > 0 ? 8 / cost.beta / 1e9 : .infinity
    guard rate < 1e6 else { return "α \(short(cost.alpha * 1e6)) µs, any rate" }
    let speed = rate >= 0.1 ? "\(short(rate)) Gbit/s" : "\(short(rate * 1e3)) Mbit/s"
    return "α \(short(cost.alpha * 1e6)) µs, \(speed)"
}

private func words(bytes: Int) -> String {
    bytes % (1 << 20) == 0 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
}

/// About two digits, without a trailing zero behind the point: 0.94, 4, 4.2, 95, 1234.
private func short(_ value: Double) -> String {
    guard value < 1e15 else { return "too much" }
    let scale = value < 1 ? 100 : value < 10 ? 10 : 1
    let scaled = Int((value * Double(scale)).rounded())
    var fraction = String(scaled % scale + scale).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return scale == 1 || fraction.isEmpty ? "\(scaled / scale)" : "\(scaled / scale).\(fraction)"
}
