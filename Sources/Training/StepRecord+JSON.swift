import Foundation

extension StepRecord {
    /// The record as one line of JSON, its keys in the order of the documentation.
    public func jsonLine() -> [UInt8] {
        let rate = String(format: "%.2f", imagesPerSecond)
        let seconds = String(format: "%.3f", time)
        // Swift prints the shortest text that reads back to the same number, which is valid JSON for finite ones.
        var text = """
            {"step":\(step),"loss":\(loss),"lr":\(learningRate),"images_per_second":\(rate),\
            "workers":\(workers),"time":\(seconds)
            """
        if let memory { text += #","memory_mib":\#(memory)"# }
        if let communicationSeconds, let hiddenShare {
            text += String(
                format: #","communication_seconds":%.6f,"hidden_share":%.4f"#, communicationSeconds, hiddenShare)
        }
        if let effectiveRank, let deviation, let alignment, let uniformity {
            text += String(
                format: #","effective_rank":%.3f,"deviation":%.5f,"alignment":%.5f,"uniformity":%.5f"#, effectiveRank,
                deviation, alignment, uniformity)
        }
        text += "}"
        return Array(text.utf8)
    }

    /// Nil where the bytes are no record.
    public init?(jsonLine: [UInt8]) {
        guard let record = try? JSONDecoder().decode(Self.self, from: Data(jsonLine)) else { return nil }
        self = record
    }
}
