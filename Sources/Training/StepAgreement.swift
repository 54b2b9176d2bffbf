import Collectives

/// What all ranks know after a step's gradients are summed: the global loss, and whether anybody wants to stop here.
///
/// One small all-reduce. Since every rank sees the same sums, all leave a generation after the same step, without the
/// coordinator on the data path.
struct StepAgreement {
    /// Over the global batch.
    let loss: Double
    /// Images found unreadable in this step, by any rank.
    let badImages: Int
    /// The most bytes that the largest rank has held so far.
    let peakMemory: Int
    /// What to do after this step; a wish to stop outweighs one to regroup.
    let yield: YieldReason?

    static func reach(
        lossShare: Double, badImages: Int, pending: YieldReason?, over communicator: Communicator
    ) throws -> StepAgreement {
        var sums = [
            lossShare, Double(badImages), pending == .stop ? 1.0 : 0, pending == .regroup ? 1.0 : 0,
        ]
        let memory = sums.count
        sums += (0..<communicator.size).map { $0 == communicator.rank ? Double(SystemMemory.peakResident) : 0 }
        try sums.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        return StepAgreement(
            loss: sums[0], badImages: Int(sums[1]), peakMemory: Int(sums[memory...].max() ?? 0),
            yield: sums[2] > 0 ? .stop : sums[3] > 0 ? .regroup : nil)
    }
}
