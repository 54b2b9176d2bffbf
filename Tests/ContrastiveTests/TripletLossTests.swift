import Contrastive
import Foundation
import Testing
import Torch

@Suite struct TripletLossTests {
    static func views(_ seed: Int, count: Int = 6) throws -> (Tensor, Tensor) {
        (try NTXentTests.leaf(noise([count, 3], seed)), try NTXentTests.leaf(noise([count, 3], seed + 1)))
    }

    @Test(arguments: TripletMining.allCases, TripletDistance.allCases)
    func blocksOfAnySizeGiveTheSame(mining: TripletMining, distance: TripletDistance) throws {
        func run(_ blockElements: Int) throws -> [Double] {
            let (first, second) = try Self.views(11)
            let loss = try tripletLoss(
                first, second, margin: 0.3, distance: distance, mining: mining, over: OneWorker(images: 6),
                blockElements: blockElements)
            try loss.backward()
            return try [loss.item()] + values(#require(first.gradient)) + values(#require(second.gradient))
        }
        let whole = try run(1 << 20)
        #expect(whole[0] > 0)
        for elements in [1, 12, 36, 50] { #expect(try relativeError(run(elements), whole) < 1e-12, "\(elements)") }
    }

    @Test(arguments: TripletMining.allCases, TripletDistance.allCases)
    func gradientsAreTheSlopesOfTheValue(mining: TripletMining, distance: TripletDistance) throws {
        for seed in [21, 31, 41] {
            let (first, second) = try Self.views(seed)
            func value(_ first: Tensor) throws -> Tensor {
                try tripletLoss(
                    first, second, margin: 0.1, distance: distance, mining: mining, over: OneWorker(images: 6))
            }
            try value(first).backward()
            let gradient = try values(#require(first.gradient))
            let start = try values(first)
            for index in [0, 7, 17] {
                func moved(_ step: Double) throws -> Double {
                    var numbers = start
                    numbers[index] += step
                    return try value(Tensor(numbers, shape: first.shape)).item()
                }
                let slope = (try moved(1e-6) - moved(-1e-6)) / 2e-6
                #expect(abs(slope - gradient[index]) < 1e-7, "seed \(seed), entry \(index)")
            }
        }
    }

    /// Both views of an image alike: the positive's distance is 0, where the root has no slope.
    @Test(arguments: TripletMining.allCases, TripletDistance.allCases)
    func equalViewsHaveFiniteGradients(mining: TripletMining, distance: TripletDistance) throws {
        for type in [ScalarType.float32, .float64] {
            let first = try NTXentTests.leaf(noise([5, 4], 3).converted(to: type))
            let second = try NTXentTests.leaf(first)
            let loss = try tripletLoss(
                first, second, margin: 1.5, distance: distance, mining: mining, over: OneWorker(images: 5))
            try loss.backward()
            #expect(try loss.item() > 0)
            for gradient in [try #require(first.gradient), try #require(second.gradient)] {
                let numbers = try values(gradient)
                #expect(numbers.allSatisfy { abs($0) < 10 } && numbers.contains { abs($0) > 1e-3 }, "\(numbers)")
            }
        }
    }

    /// Unit vectors in the plane by their angles: two images, first views and then second views.
    private func loss(_ angles: [Double], _ mining: TripletMining, margin: Double) throws -> Double {
        func view(_ angles: ArraySlice<Double>) throws -> Tensor {
            try Tensor(angles.flatMap { [2 * cos($0), 2 * sin($0)] }, shape: [2, 2])
        }
        return try tripletLoss(
            view(angles[..<2]), view(angles[2...]), margin: margin, distance: .cosine, mining: mining,
            over: OneWorker(images: 2)
        ).item()
    }

    @Test func viewsThatAreApartEnoughCostNothing() throws {
        for mining in TripletMining.allCases {
            #expect(try loss([0, .pi, 0.1, .pi + 0.1], mining, margin: 0.5) == 0)
        }
    }

    @Test func eachMiningTakesItsNegatives() throws {
        // Image A at 0 and 1, image B at 0.3 and 2.5. Distances 1 − cos of angles' differences.
        func d(_ a: Double, _ b: Double) -> Double { 1 - cos(a - b) }
        let (a, b, margin) = ([0.0, 1.0], [0.3, 2.5], 0.05)
        // Of each anchor: its positive and its two negatives.
        let anchors = [(a[0], a[1], b), (a[1], a[0], b), (b[0], b[1], a), (b[1], b[0], a)]
        func hinge(_ positive: Double, _ negative: Double) -> Double { max(0, positive - negative + margin) }
        var (all, hard, semihard) = ([Double](), [Double](), [Double]())
        for (anchor, other, negatives) in anchors {
            let positive = d(anchor, other)
            let distances = negatives.map { d(anchor, $0) }
            all += distances.map { hinge(positive, $0) }.filter { $0 > 0 }
            hard.append(hinge(positive, distances.min()!))
            let farther = distances.filter { $0 > positive }
            semihard.append(hinge(positive, farther.min() ?? distances.max()!))
        }
        // No negative is farther than the positive of the second image's views: the farthest stands in.
        #expect(semihard[2] > 0)
        let angles = [a[0], b[0], a[1], b[1]]
        func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
        #expect(try abs(loss(angles, .all, margin: margin) - mean(all)) < 1e-14)
        #expect(try abs(loss(angles, .hard, margin: margin) - mean(hard)) < 1e-14)
        #expect(try abs(loss(angles, .semihard, margin: margin) - mean(semihard)) < 1e-14)
    }
}
