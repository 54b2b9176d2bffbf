import Foundation
import ImagePipeline
import Testing

/// ImageFolder trees in folders and in tars: both must give the same dataset.
@Suite struct ImageFolderTests {
    enum Form: String, CaseIterable, Sendable { case folder, tar, gz, xz, zst }

    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The path of the tree `data` in the form asked for; nil where the system lacks the packer.
    func packed(_ form: Form) -> String? {
        let options: [Form: String] = [.tar: "-cf", .gz: "-czf", .xz: "-cJf", .zst: "--zstd -cf"]
        guard let option = options[form] else { return folder.path + "/data" }
        // The dataset's content tells what it is, not its name.
        let name = "packed-\(form.rawValue)"
        return folder.run("sh", "-c", "tar \(option) \(name) -C data .") ? folder.path + "/" + name : nil
    }

    func names(_ dataset: any ImageDataset) -> [String] { (0..<dataset.count).map { dataset.name(at: $0) } }

    func error(_ path: String, _ split: DatasetSplit = .train) -> DatasetError? {
        do { _ = try ImageDatasets.open(path, split: split) } catch { return error as? DatasetError }
        return nil
    }

    @Test(arguments: Form.allCases)
    func theParentFolderIsTheClass(form: Form) throws {
        try folder.write(
            to: [
                "data/zebra/b.JPG", "data/zebra/a.jpeg", "data/animals/cat/1.jpg", "data/animals/cat/.hidden.jpg",
                "data/top.jpg",
            ])
        try folder.write(image: "rgb.png", to: ["data/animals/dog/1.PNG"])
        try folder.write(Array("notes".utf8), to: "data/zebra/readme.txt")
        try folder.write(to: ["data/.git/x.jpg"])
        guard let path = packed(form) else {
            print("skipped: no packer for \(form)")
            return
        }
        for split in DatasetSplit.allCases {
            let dataset = try ImageDatasets.open(path, split: split)
            #expect(dataset.channels == 3 && dataset.classNames == ["cat", "dog", "zebra"])
            #expect(
                names(dataset) == ["animals/cat/1.jpg", "animals/dog/1.PNG", "top.jpg", "zebra/a.jpeg", "zebra/b.JPG"])
            #expect(dataset.labels == [0, 1, -1, 2, 2])
            for index in 0..<dataset.count {
                let image = try dataset.image(at: index)
                #expect(image.width == 20 && image.height == 12 && image.channels == 3)
            }
        }
    }

    @Test(arguments: [Form.folder, .tar, .gz])
    func topLevelSplitsAreHonoured(form: Form) throws {
        try folder.write(
            to: [
                "data/train/cat/1.jpg", "data/train/dog/2.jpg", "data/val/dog/3.jpg", "data/test/dog/4.jpg",
                "data/stray.jpg",
            ])
        let path = try #require(packed(form))
        #expect(try names(ImageDatasets.open(path, split: .train)) == ["train/cat/1.jpg", "train/dog/2.jpg"])
        let test = try ImageDatasets.open(path, split: .test)
        // Labels mean the same in every split, also where a class is missing.
        #expect(names(test) == ["test/dog/4.jpg"] && test.labels == [1] && test.classNames == ["cat", "dog"])
        #expect(
            try names(ImageDatasets.open(path, split: .all))
                == ["train/cat/1.jpg", "train/dog/2.jpg", "val/dog/3.jpg", "test/dog/4.jpg"])
    }

    @Test func aWrappingFolderAroundTheSplitsIsLookedThrough() throws {
        try folder.write(to: ["data/birds/train/a/1.jpg", "data/birds/val/a/2.jpg", "data/birds/train/3.jpg"])
        let path = folder.path + "/data"
        let train = try ImageDatasets.open(path, split: .train)
        #expect(names(train) == ["birds/train/3.jpg", "birds/train/a/1.jpg"] && train.labels == [-1, 0])
        #expect(try names(ImageDatasets.open(path, split: .test)) == ["birds/val/a/2.jpg"])
    }

    @Test func aClassMayBeCalledTrain() throws {
        try folder.write(to: ["data/train/1.jpg", "data/bus/2.jpg"])
        let dataset = try ImageDatasets.open(folder.path + "/data", split: .train)
        #expect(dataset.classNames == ["bus", "train"] && dataset.labels == [0, 1])
    }

    @Test func aMissingSplitIsAnErrorThatNamesThoseThere() throws {
        try folder.write(to: ["data/train/a/1.jpg"])
        let path = folder.path + "/data"
        #expect(error(path, .test) == .missingSplit(path: path, wanted: .test, present: ["train"]))
    }

    @Test func withoutClassFoldersThereAreNoLabels() throws {
        try folder.write(to: ["data/1.jpg", "data/2.jpg"])
        let dataset = try ImageDatasets.open(folder.path + "/data/", split: .train)
        #expect(dataset.classNames.isEmpty && dataset.labels == [-1, -1])
    }

    @Test func binaryDatasetsInATarAreRecognised() throws {
        try folder.write(
            [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6], to: "data/sub/train-images-idx3-ubyte")
        try folder.write([0, 0, 8, 1, 0, 0, 0, 2, 1, 0], to: "data/sub/train-labels-idx1-ubyte")
        for form in [Form.tar, .gz] {
            let dataset = try ImageDatasets.open(try #require(packed(form)), split: .train)
            #expect(dataset.channels == 1 && dataset.labels == [1, 0])
            #expect(try dataset.image(at: 1).pixels == [7, 6])
        }
    }

    @Test func longAndForeignNamesAreKept() throws {
        let long = (0..<12).map { "a-rather-long-folder-name-\($0)" }.joined(separator: "/")
        try folder.write(to: ["data/\(long)/größe/bild.jpg"])
        for form in [Form.folder, .tar] {
            let dataset = try ImageDatasets.open(try #require(packed(form)), split: .train)
            #expect(names(dataset) == ["\(long)/größe/bild.jpg"] && dataset.classNames == ["größe"])
            #expect(try dataset.image(at: 0).width == 20)
        }
        for dialect in ["posix", "gnu"] {
            try #require(folder.run("tar", "--format=\(dialect)", "-cf", dialect, "-C", "data", "."))
            let dataset = try ImageDatasets.open(folder.path + "/\(dialect)", split: .train)
            #expect(names(dataset) == ["\(long)/größe/bild.jpg"])
        }
    }

    @Test func linksToFoldersAreFollowedButNotRoundInCircles() throws {
        try folder.write(to: ["elsewhere/cat/1.jpg", "data/dog/2.jpg"])
        try #require(folder.run("ln", "-s", "../elsewhere/cat", "data/cat"))
        try #require(folder.run("ln", "-s", "..", "data/dog/loop"))
        let dataset = try ImageDatasets.open(folder.path + "/data", split: .train)
        #expect(names(dataset) == ["cat/1.jpg", "dog/2.jpg"])
    }

    @Test func whatIsNoDatasetIsRefusedWithItsReason() throws {
        #expect(error(folder.path + "/nowhere") == .missing(path: folder.path + "/nowhere"))
        try FileManager.default.createDirectory(atPath: folder.path + "/none", withIntermediateDirectories: true)
        #expect(error(folder.path + "/none") == .empty(path: folder.path + "/none"))
        try folder.write([], to: "zero")
        #expect(error(folder.path + "/zero") == .empty(path: folder.path + "/zero"))
        try folder.write(Array("this is not an archive".utf8), to: "text")
        guard case .unrecognised = error(folder.path + "/text") else {
            Issue.record("\(String(describing: error(folder.path + "/text")))")
            return
        }
        #expect(error("/dev/null")?.description.contains("neither a folder nor a file") == true)
    }

    @Test func hardLinksAndLaterVersionsInATarCount() throws {
        try folder.write(to: ["data/a/1.jpg"])
        try #require(folder.run("ln", "data/a/1.jpg", "data/a/2.jpg"))
        for form in [Form.tar, .gz] {
            let dataset = try ImageDatasets.open(#require(packed(form)), split: .train)
            #expect(names(dataset) == ["a/1.jpg", "a/2.jpg"])
            #expect(try dataset.image(at: 0) == dataset.image(at: 1))
        }
        let path = try #require(packed(.tar))
        try FileManager.default.removeItem(atPath: folder.path + "/data/a/1.jpg")
        try folder.write(image: "orientation-6.jpg", to: ["data/a/1.jpg"])
        try #require(folder.run("tar", "-rf", path, "-C", "data", "./a/1.jpg"))
        let dataset = try ImageDatasets.open(path, split: .train)
        #expect(names(dataset) == ["a/1.jpg", "a/2.jpg"])
        #expect(try dataset.image(at: 0).width == 12)
        #expect(try dataset.image(at: 1).width == 20)
    }

    @Test func aTruncatedTarIsCorrupt() throws {
        try folder.write(to: (0..<8).map { "data/a/\($0).jpg" })
        let path = try #require(packed(.tar))
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        try folder.write(Array(bytes.prefix(3000)), to: "cut")
        guard case .corrupt(let file, let cause) = error(folder.path + "/cut") else {
            Issue.record("\(String(describing: error(folder.path + "/cut")))")
            return
        }
        #expect(file.contains("cut") && cause.lowercased().contains("truncated"))
    }

    @Test func anImageThatVanishesIsReportedByName() throws {
        try folder.write(to: ["data/a/1.jpg", "data/a/2.jpg"])
        let dataset = try ImageDatasets.open(folder.path + "/data", split: .train)
        try FileManager.default.removeItem(atPath: folder.path + "/data/a/2.jpg")
        #expect(throws: ImageError(name: "a/2.jpg", cause: "No such file or directory")) { try dataset.image(at: 1) }
    }
}
