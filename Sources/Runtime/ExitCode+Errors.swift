import Checkpoints
import Collectives
import Configuration
import Contrastive
import ImagePipeline
import Torch
import Training
import ZeroMQTransport

extension ExitCode {
    /// The exit code for an error of any module: the one place that knows them all.
    public init(for error: any Error) {
        switch error {
        case let failure as Failure: self = failure.code
        case is ConfigurationError: self = .usage
        case is DatasetError, is ImageError, is LoaderError: self = .data
        case is CheckpointError: self = .checkpoint
        case is TransportError, is CollectiveError: self = .network
        case is TorchError, is ContrastiveError: self = .training
        case let error as TrainingError: self = error.exitCode
        default: self = .internalError
        }
    }
}

extension TrainingError {
    fileprivate var exitCode: ExitCode {
        switch self {
        case .lossIsNotFinite: return .training
        case .tooManyBadImages, .batchLargerThanDataset: return .data
        case .configuration: return .usage
        case .checkpoint: return .checkpoint
        case .unsupported: return .internalError
        }
    }
}
