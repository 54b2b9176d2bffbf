import Contrastive
import Torch

/// A step of one worker that runs the whole batch at once, gradients by autograd.
final class WholeStep: MethodStep {
    let workers: any Workers
    let number: Int
    let total: Int
    let epoch: Int
    let samples: [Int]

    init(images: Int, number: Int = 0, of total: Int = 100, epoch: Int = 0, samples: [Int]? = nil) {
        workers = OneWorker(images: images)
        self.number = number
        self.total = total
        self.epoch = epoch
        self.samples = samples ?? Array(0..<images)
    }

    func forward(
        _ views: [Tensor], shuffled: Bool, _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]] {
        let height = views[0].shape[0]
        let outputs = try network(Tensor.concatenated(views, dim: 0), .training(TrainingContext()))
        return try views.indices.map { view in
            try outputs.map { try $0.narrowed(dim: 0, start: view * height, length: height) }
        }
    }
}
