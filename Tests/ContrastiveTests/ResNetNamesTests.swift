import Contrastive
import Foundation
import Testing
import Torch

@Suite struct ResNetNamesTests {
    struct Listing: CustomTestStringConvertible, Sendable {
        let title: String
        let lines: [String]
        var testDescription: String { title }
    }

    static var listings: [Listing] {
        get throws {
            let text = String(decoding: try golden("resnet_names.txt"), as: UTF8.self)
            return text.split(separator: "# ").map { section in
                let lines = section.split(separator: "\n").map(String.init)
                return Listing(title: lines[0], lines: Array(lines[1...]))
            }
        }
    }

    @Test(arguments: try listings)
    func namesOrderAndShapesAreTorchvisions(_ listing: Listing) throws {
        let title = listing.title.split(separator: " ")
        let network = try ResNet(
            depth: #require(Int(title[0]).flatMap(ResNet.Depth.init(rawValue:))),
            form: #require(ResNet.Form(rawValue: String(title[1]))), width: #require(Double(title[2])),
            inputChannels: #require(Int(title[3])), seed: 1)
        var expected: [String] = []
        for line in listing.lines {
            let parts = line.split(separator: " ").map(String.init)
            if parts[1] == "norm" {
                for name in ["weight", "bias", "running_mean", "running_var"] {
                    expected.append("\(parts[0]).\(name) \(parts[2])")
                }
                expected.append("\(parts[0]).num_batches_tracked ")
            } else {
                expected.append("\(parts[0]) \(parts[1])")
            }
        }
        let found = network.state.map { "\($0.name) \($0.tensor.shape.map(String.init).joined(separator: "x"))" }
        #expect(found == expected)
        #expect(network.parameters.count + network.buffers.count == network.state.count)
    }

    @Test func parametersKnowTheirKind() throws {
        let network = try ResNet(depth: .resNet18, form: .cifar, width: 0.05, seed: 1)
        for parameter in network.parameters {
            #expect(parameter.kind == (parameter.tensor.dimensions == 4 ? .weight : .norm), "\(parameter.name)")
            #expect(parameter.tensor.requiresGradient, "\(parameter.name)")
        }
    }

    @Test func aWidthOrChannelCountThatIsNotPositiveIsRefused() throws {
        #expect(throws: ContrastiveError.self) { try ResNet(depth: .resNet18, width: 0, seed: 1) }
        #expect(throws: ContrastiveError.self) { try ResNet(depth: .resNet18, width: .nan, seed: 1) }
        #expect(throws: ContrastiveError.self) { try ResNet(depth: .resNet18, inputChannels: 0, seed: 1) }
    }

    @Test func imagesOfAnotherChannelCountAreRefused() throws {
        let network = try ResNet(depth: .resNet18, form: .cifar, width: 0.05, inputChannels: 1, seed: 1)
        #expect(throws: ContrastiveError.self) {
            try network.forward(Tensor.zeros([2, 3, 8, 8]), mode: .inference)
        }
    }
}
