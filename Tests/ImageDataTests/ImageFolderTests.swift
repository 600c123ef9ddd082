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
      let content = file.hasSuffix(".txt") ? Array("no image".utf8) : try Fixtures.bytes("444.jpg")
      try Data(content).write(to: url)
    }
  }

  /// The order of the bytes is a guess of the outputs' order where another suggests itself.
  @Test(
    arguments: [
      (["1", "2", "10"], "class 1 is \"10\"; in the order of the numbers it would be \"2\""),
      (["ant", "Bee"], "class 0 is \"Bee\"; with case ignored it would be \"ant\""),
      (["0", "1", "2"], nil), (["Ant", "Bee"], nil), (["a1", "a10", "a2"], nil),
    ] as [([String], String?)])
  func doubtfulOrdersAreNamed(folders: [String], note: String?) throws {
    try withTemporaryFolder { folder in
      try write(folders.map { "\($0)/a.jpg" }, in: folder)
      let notes = try ImageFolder(folder).notes
      #expect(notes.count == (note == nil ? 0 : 1))
      if let note { #expect(notes.first?.contains(note) == true, "\(notes)") }
      #expect(try ImageFolder(folder, classNames: folders).notes == [])
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
        set.passedOver == [
          SkippedImage(index: nil, name: "\(folder)/ant/notes.txt", reason: "is no image")
        ])
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
      #expect(
        error?.description
          == "\(folder)/b: this folder is none of the 2 classes given (a, c); network.classNames "
          + "names the class of each output")
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
          == "\(folder)/hollow: this class folder holds no image; JPEG, PNG, WebP and BMP files are "
          + "read")
    }
  }

  /// Whatever an image is called and however deep it lies: it is a sample, or named as none.
  @Test func nothingIsLeftOutWithoutAWord() throws {
    try withTemporaryFolder { folder in
      try write(
        [
          "a/1.jfif", "a/2.gif", "a/2016/3.jpg", "a/2016/raw/4.JPG", "a/5", "a/thumbs.db",
          "b/1.tif",
          "b/2.webp", "stray.png",
        ], in: folder)
      for name in ["a/thumbs.db", "b/1.tif"] {
        try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      let set = try ImageFolder(folder)
      #expect(
        (0..<set.count).map { set.name(at: $0).dropFirst(folder.count + 1) } == [
          "a/1.jfif", "a/2.gif", "a/5", "a/2016/3.jpg", "a/2016/raw/4.JPG", "b/1.tif", "b/2.webp",
        ])
      #expect((0..<set.count).map { set.label(at: $0) } == [0, 0, 0, 0, 0, 1, 1])
      #expect(
        set.passedOver.map { "\($0.name.dropFirst(folder.count + 1)) \($0.reason)" } == [
          "stray.png lies beside the class folders, so it has no class", "a/thumbs.db is no image",
        ])
      // What is counted is reported by whoever reads the set, with what cannot be decoded.
      let loader = try BatchLoader(
        set, batchSize: 4, preprocessing: Preprocessing(), order: .evaluation)
      while try loader.next() != nil {}
      #expect(
        loader.skipped.map { $0.name.dropFirst(folder.count + 1) } == [
          "stray.png", "a/thumbs.db", "b/1.tif",
        ])
    }
  }

  @Test func aLinkThatLeadsBackEnds() throws {
    try withTemporaryFolder { folder in
      try write(["a/1.jpg"], in: folder)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/a/again", withDestinationPath: folder + "/a")
      let set = try ImageFolder(folder)
      #expect(set.count == 1)
      #expect(set.passedOver.map(\.reason) == ["is a link to a folder that it lies in"])
    }
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  /// To the folder of the classes, to one around it, or to one that a class folder lies in elsewhere:
  /// no image counts twice.
  @Test func linksToFoldersAboveAreLeftOutAndNamed() throws {
    try withTemporaryFolder { folder in
      try write(
        ["set/cat/1.jpg", "set/cat/deep/2.jpg", "set/dog/1.jpg", "pool/owl/deep/1.jpg"], in: folder)
      let set = folder + "/set"
      try link(set + "/owl", to: "../pool/owl")
      let plain = try ImageFolder(set)
      #expect(plain.count == 4 && plain.passedOver.isEmpty)
      for (name, target) in [
        ("cat/loop", ".."), ("cat/deep/root", folder), ("dog/top", "/"), ("all", "."),
        ("around", ".."), ("owl/deep/pool", folder + "/pool"), ("owl/deep/self", ".."),
      ] { try link("\(set)/\(name)", to: target) }
      let linked = try ImageFolder(set)
      #expect(linked.classNames == plain.classNames)
      #expect(
        (0..<linked.count).map { linked.name(at: $0) } == (0..<4).map { plain.name(at: $0) })
      #expect(
        linked.passedOver.map { $0.name.dropFirst(set.count + 1) } == [
          "all", "around", "cat/deep/root", "cat/loop", "dog/top", "owl/deep/pool", "owl/deep/self",
        ])
      #expect(
        Set(linked.passedOver.map(\.reason)) == ["is a link to a folder that it lies in"])
      #expect(linked.notes.isEmpty)
      #expect(try ImageFolder.images(below: set).count == 4)
    }
  }

  @Test func aFolderThatCountsTwiceIsNamedTwice() throws {
    try withTemporaryFolder { folder in
      try write(["cat/1.jpg", "cat/deep/2.jpg", "dog/1.jpg", "owl/deep/1.jpg"], in: folder)
      #expect(try ImageFolder(folder).notes.isEmpty)
      try link(folder + "/bird", to: "dog")
      try link(folder + "/owl/cats", to: "../cat")
      try link(folder + "/owl/again", to: "deep")
      let set = try ImageFolder(folder)
      #expect(set.count == 4 + 1 + 2 + 1)
      let end = "; remove the link unless that is meant"
      let by = "are one folder by a symbolic link, so its images count"
      #expect(
        Set(set.notes) == [
          "\(folder)/dog and \(folder)/bird \(by) in the classes \"bird\" and \"dog\"" + end,
          "\(folder)/owl/cats and \(folder)/cat \(by) in the classes \"cat\" and \"owl\"" + end,
          "\(folder)/owl/deep and \(folder)/owl/again \(by) twice in the class \"owl\"" + end,
        ])
      #expect(Subset(set, indices: [0]).notes == set.notes)
    }
  }

  /// Names are bytes: a folder in Latin-1 is a class like any other, and no later label moves.
  @Test func namesNeedNotBeUTF8() throws {
    try withTemporaryFolder { folder in
      try write(["a/1.jpg", "d/1.jpg"], in: folder)
      let latin: [CChar] = folder.utf8CString.dropLast() + [0x2F, 0x63, CChar(bitPattern: 0xE9), 0]
      #expect(mkdir(latin, 0o700) == 0)
      let file =
        latin.dropLast() + [0x2F, 0x31, CChar(bitPattern: 0xFF), 0x2E, 0x6A, 0x70, 0x67, 0]
      let descriptor = open(Array(file), O_WRONLY | O_CREAT, 0o600)
      let bytes = try Fixtures.bytes("444.jpg")
      #expect(Foundation.write(descriptor, bytes, bytes.count) == bytes.count)
      close(descriptor)
      let set = try ImageFolder(folder)
      #expect(set.classNames == ["a", "c\\xE9", "d"])
      #expect((0..<3).map { set.label(at: $0) } == [0, 1, 2])
      #expect(set.name(at: 1) == "\(folder)/c\\xE9/1\\xFF.jpg")
      #expect(try set.image(at: 1).size == ImageSize(width: 46, height: 34))
      let error = #expect(throws: ImageError.self) { try ImageFolder.images(below: folder) }
      #expect(
        error?.description
          == "\(folder)/c\\xE9/1\\xFF.jpg: its name is not UTF-8 (shown with \\x); rename it")
    }
  }

  @Test func namesAreMatchedUnderCanonicalEquivalence() throws {
    try withTemporaryFolder { folder in
      let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
      try write(["\(decomposed)/1.jpg", "zoo/1.jpg"], in: folder)
      let set = try ImageFolder(folder, classNames: ["zoo", composed])
      #expect((0..<2).map { set.label(at: $0) } == [1, 0])
      #expect(try set.image(at: 0).width == 46)
      try write(["\(composed)/1.jpg"], in: folder)
      for names in [nil, ["zoo", composed]] as [[String]?] {
        let error = #expect(throws: ImageError.self) {
          try ImageFolder(folder, classNames: names)
        }
        #expect(
          error?.reason == "the folders \"cafe\\xCC\\x81\" and \"caf\\xC3\\xA9\" are one class, "
            + "\"\(composed)\"; put their images into one folder")
      }
    }
  }

  @Test func aNameOfTwoOutputsIsNotGuessed() throws {
    try withTemporaryFolder { folder in
      try write(["maillot/1.jpg"], in: folder)
      let error = #expect(throws: ImageError.self) {
        try ImageFolder(folder, classNames: ["maillot", "a", "maillot"])
      }
      #expect(error?.reason.contains("of output 0 and of output 2") == true)
    }
  }

  /// The order that torchvision's and Keras's networks have, which is that of the identifiers.
  @Test func imageNetsClassesAreInTheOrderOfTheOutputs() throws {
    let identifiers = ImageNetClasses.identifiers
    #expect(identifiers.count == 1000)
    #expect(identifiers == Set(identifiers).sorted())
    #expect(identifiers.allSatisfy { $0.wholeMatch(of: /n\d{8}/) != nil })
    #expect(Set(ImageNetClasses.labels).count == 1000)
    // Known from the literature: torchvision's documentation and Imagenette's.
    for (index, identifier, label) in [
      (0, "n01440764", "tench"), (217, "n02102040", "English springer"),
      (281, "n02123045", "tabby"), (482, "n02979186", "cassette player"),
      (491, "n03000684", "chain saw"), (497, "n03028079", "church"),
      (566, "n03394916", "French horn"), (569, "n03417042", "garbage truck"),
      (571, "n03425413", "gas pump"), (574, "n03445777", "golf ball"),
      (701, "n03888257", "parachute"), (999, "n15075141", "toilet tissue"),
    ] {
      #expect(identifiers[index] == identifier)
      #expect(ImageNetClasses.label(of: identifier) == label)
    }
  }

  @Test func foldersMayBeCalledByIdentifierOrLabelOfImageNet() throws {
    try withTemporaryFolder { folder in
      try write(["n03445777/1.jpg", "gas pump/1.jpg", "French_horn/1.jpg"], in: folder)
      for names in [ImageNetClasses.identifiers, ImageNetClasses.labels] {
        let set = try ImageFolder(folder, classNames: names)
        #expect((0..<3).map { set.label(at: $0) } == [566, 571, 574])
      }
      try write(["golf ball/1.jpg"], in: folder)
      let error = #expect(throws: ImageError.self) {
        try ImageFolder(folder, classNames: ImageNetClasses.identifiers)
      }
      #expect(error?.reason.contains("are one class, \"n03445777\"") == true)
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
