import Foundation
import ImageData
import TestSupport
import Testing

@Suite struct ImageFolderTests {
  private func write(_ files: [String], in folder: String) throws {
    for file in files {
      let url = URL(fileURLWithPath: "\(folder)/\(file)")
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(Fixtures.bytes("444.jpg")).write(to: url)
    }
  }

  @Test func classesAndSamplesAreInOrder() throws {
    try withTemporaryFolder { folder in
      try write(
        [
          "zebra/b.JPEG", "zebra/a.jpg", "ant/10.PNG", "ant/2.Jpg", "ant/notes.txt",
          "ant/.hidden.jpg", "Bee/x.jpeg", "readme.txt",
        ], in: folder)
      let set = try ImageFolder(folder)
      #expect(set.classNames == ["Bee", "ant", "zebra"])
      #expect(set.count == 5)
      #expect(
        (0..<5).map { set.name(at: $0) }
          == ["Bee/x.jpeg", "ant/10.PNG", "ant/2.Jpg", "zebra/a.jpg", "zebra/b.JPEG"].map {
            "\(folder)/\($0)"
          })
      #expect((0..<5).map { set.label(at: $0) } == [0, 1, 1, 2, 2])
      #expect(try set.image(at: 3).size == ImageSize(width: 46, height: 34))
    }
  }

  @Test func linkedFilesAndFoldersAreFollowed() throws {
    try withTemporaryFolder { folder in
      try write(["store/cats/a.jpg", "set/dog/a.jpg"], in: folder)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/set/cat", withDestinationPath: folder + "/store/cats")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/set/dog/b.jpg", withDestinationPath: folder + "/store/cats/a.jpg")
      let set = try ImageFolder(folder + "/set")
      #expect(set.classNames == ["cat", "dog"])
      #expect(set.count == 3)
      for index in 0..<3 { #expect(try set.image(at: index).width == 46) }
    }
  }

  @Test func explicitClassesDecideTheLabels() throws {
    try withTemporaryFolder { folder in
      try write(["b/1.jpg", "a/1.jpg"], in: folder)
      let set = try ImageFolder(folder, classNames: ["c", "b", "a"])
      #expect(set.classNames == ["c", "b", "a"])
      #expect((0..<2).map { set.label(at: $0) } == [2, 1])
      let error = #expect(throws: ImageError.self) {
        try ImageFolder(folder, classNames: ["a", "c"])
      }
      #expect(error?.description == "\(folder)/b: this folder is none of the 2 classes given")
    }
  }

  @Test func unusableFoldersAreNamed() throws {
    try withTemporaryFolder { folder in
      func message(_ path: String) -> String? {
        #expect(throws: ImageError.self) { try ImageFolder(path) }?.description
      }
      #expect(message(folder + "/gone") == "\(folder)/gone: no such folder")
      #expect(
        message(folder)
          == "\(folder): holds no class folders; the layout is folder/class/image.jpg")
      try write(["full/1.jpg", "hollow/notes.txt", "file"], in: folder)
      #expect(message(folder + "/file") == "\(folder)/file: not a folder")
      #expect(
        message(folder)
          == "\(folder)/hollow: this class folder holds no .jpg, .jpeg or .png file")
    }
  }

  @Test(.enabled(if: Shared.isThere, "needs ../shared"))
  func photographsAreListedWhole() throws {
    let set = try ImageFolder(Shared.data("imagenette/val"))
    #expect(set.count == 2000)
    #expect(set.classNames.first == "n01440764")
    #expect(set.classNames.last == "n03888257")
    let part = Subset(set, firstPerClass: 3)
    #expect((0..<part.count).map { part.label(at: $0) } == (0..<30).map { $0 / 3 })
  }

  @Test func subsetsKeepLabelsAndNames() throws {
    let source = ColorSource(count: 20)
    let picked = Subset(source, indices: [5, 2])
    #expect(picked.count == 2)
    #expect(picked.label(at: 0) == 1 && picked.name(at: 1) == "color/2")
    #expect(try picked.image(at: 0)[0, 0].red == 5)
    let random = Subset(source, randomCount: 8, seed: 1)
    #expect(Set(random.indices).count == 8)
    #expect(random.indices == Subset(source, randomCount: 8, seed: 1).indices)
    #expect(random.indices != Subset(source, randomCount: 8, seed: 2).indices)
    #expect(Subset(source, randomCount: 50, seed: 1).indices.sorted() == Array(0..<20))
  }
}
