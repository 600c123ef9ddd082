import Foundation
import ImageData
import TensorRuntime

/// Images that lie in a folder without folders of classes, in byte order of their names.
///
/// Their classes are not known: who uses them takes what a network predicts for a label.
struct UnlabelledImages: ListedImages {
  let root: String
  private let paths: [String]

  /// - Returns: `nil` if the folder holds folders, which are classes, or no image.
  /// - Throws: `ImageError` if the name of an image in it is not UTF-8.
  init?(_ root: String) throws {
    guard let stream = opendir(root) else {
      // What is wrong with it is for whoever reads folders of classes to say.
      return nil
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      var status = stat()
      let isFolder = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { name in
          name[0] != CChar(UInt8(ascii: ".")) && fstatat(dirfd(stream), name, &status, 0) == 0
            && status.st_mode & S_IFMT == S_IFDIR
        }
      }
      if isFolder { return nil }
    }
    paths = try ImageFolder.images(below: root)
    guard !paths.isEmpty else { return nil }
    self.root = root
  }

  var count: Int { paths.count }
  var classNames: [String] { [] }
  /// None is known.
  func label(at index: Int) -> Int { 0 }
  func name(at index: Int) -> String { paths[index] }
  func image(at index: Int) throws -> Image { try Image(contentsOf: paths[index]) }

  func byteCount(at index: Int) -> Int? {
    var status = stat()
    return stat(paths[index], &status) == 0 ? Int(status.st_size) : nil
  }
}

extension Setup {
  /// Of what changes nothing in the network: images without folders of classes will do, if there is
  /// no other folder that could be meant.
  init(forAttack recipe: AttackRecipe, on executor: any Executor) throws {
    guard case .folders(_, let folder) = recipe.data.source,
      let images = try UnlabelledImages(folder)
    else {
      try self.init(recipe.network, recipe.data, seed: recipe.attack.seed, on: executor)
      return
    }
    try self.init(recipe.network, unlabelled: images, seed: recipe.attack.seed, on: executor)
  }

  private init(
    _ section: NetworkSection, unlabelled images: UnlabelledImages, seed: UInt64,
    on executor: any Executor
  ) throws {
    network = try LoadedNetwork(
      section, on: executor, imageSize: images.preparedSize, seed: seed)
    (train, validation) = (images, images)
    try network.checkActivations(on: images)
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
  }
}
