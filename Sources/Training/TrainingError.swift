/// What can go wrong in a training step or in its preparation; each is one line.
public enum TrainingError: Error, CustomStringConvertible, Sendable {
    /// The loss stopped being a number.
    case lossIsNotFinite(step: Int, loss: Double)
    /// More of the dataset is unreadable than the configuration tolerates.
    case tooManyBadImages(bad: Int, total: Int, limit: Double)
    /// The global batch is larger than the dataset.
    case batchLargerThanDataset(batch: Int, dataset: Int)
    /// The configuration contradicts the dataset or itself.
    case configuration(String)
    /// A checkpoint does not fit the model.
    case checkpoint(String)
    /// An operation this module does not offer for the type at hand.
    case unsupported(String)

    public var description: String {
        switch self {
        case .lossIsNotFinite(let step, let loss):
            return
                "the loss is \(loss) at step \(step): lower optimizer.lr, raise loss.temperature or lengthen the warm-up"
        case .tooManyBadImages(let bad, let total, let limit):
            return "\(bad) of \(total) images cannot be read, more than loader.max_bad_share=\(limit) allows: "
                + "repair the dataset or raise the share"
        case .batchLargerThanDataset(let batch, let dataset):
            return "global_batch=\(batch) is larger than the dataset's \(dataset) images: lower global_batch"
        case .configuration(let text), .checkpoint(let text), .unsupported(let text):
            return text
        }
    }
}
