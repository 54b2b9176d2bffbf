import Contrastive
import Testing
import Torch

@Suite struct EmptyBatchTests {
    @Test func aWorkerWithoutImagesRunsAlongInSinglePrecision() throws {
        for form in ResNet.Form.allCases {
            let encoder = try ResNet(depth: .resNet50, form: form, width: 0.0625, seed: 1)
            var sums = 0
            // Stands for the other workers: 4 values per channel of mean 0 and variance 1.
            let context = TrainingContext(reduceStatistics: { sum in
                sums += 1
                let channels = sum.count / 2
                guard sum.count % 2 == 1 else { return }
                try sum.narrowed(dim: 0, start: channels, length: channels + 1).fillInPlace(4)
            })
            let features = try encoder.forward(Tensor.zeros([0, 3, 32, 32]), mode: .training(context))
            #expect(features.shape == [0, encoder.featureDimension])
            try features.backward(Tensor.zeros(features.shape))
            #expect(sums == 2 * encoder.batchNorms.count)
            for parameter in encoder.parameters {
                #expect(try parameter.tensor.gradient?.norm().item() == 0, "\(parameter.name)")
            }
        }
    }
}
