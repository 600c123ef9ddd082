import Foundation
import ImageData

/// Images that lie in a folder without folders of classes, in byte order of their names.
///
/// Their classes are not known: who uses them takes what a network predicts for a label.
struct UnlabelledImages: ListedImages {
  let root: String
  private let fileNames: [String]

  /// - Returns: `nil` if the folder holds folders, which are classes, or no image.
  /// - Throws: `ImageError` if it cannot be read, or the name of an image in it is not UTF-8.
  init?(_ root: String) throws {
    guard let stream = opendir(root) else {
      // What is wrong with it is for whoever reads folders of classes to say.
      return nil
    }
    defer { closedir(stream) }
    var fileNames: [String] = []
    while let entry = readdir(stream) {
      let (name, shown) = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
          (String(validatingCString: $0), String(cString: $0))
        }
      }
      guard !shown.hasPrefix(".") else { continue }
      let isImage = ImageFolder.extensions.contains(
        (shown as NSString).pathExtension.lowercased())
      guard let name else {
        guard isImage else { continue }
        throw ImageError(
          path: "\(root)/\(shown)", reason: "has a name that is not UTF-8; rename it")
      }
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder),
        isFolder.boolValue
      {
        return nil
      }
      if isImage { fileNames.append(name) }
    }
    guard !fileNames.isEmpty else { return nil }
    self.root = root
    self.fileNames = fileNames.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  var count: Int { fileNames.count }
  var classNames: [String] { [] }
  /// None is known.
  func label(at index: Int) -> Int { 0 }
  func name(at index: Int) -> String { "\(root)/\(fileNames[index])" }
  func image(at index: Int) throws -> Image { try Image(contentsOf: name(at: index)) }
}

extension Setup {
  /// Of what changes nothing in the network: images without folders of classes will do, if there is
  /// no other folder that could be meant.
  init(forAttack recipe: AttackRecipe) throws {
    guard case .folders(_, let folder) = recipe.data.source,
      let images = try UnlabelledImages(folder)
    else {
      try self.init(recipe.network, recipe.data, seed: recipe.attack.seed)
      return
    }
    try self.init(recipe.network, unlabelled: images, seed: recipe.attack.seed)
  }

  private init(
    _ section: NetworkSection, unlabelled images: UnlabelledImages, seed: UInt64
  ) throws {
    network = try LoadedNetwork(section, imageSize: images.preparedSize, seed: seed)
    (train, validation) = (images, images)
    try network.checkActivations(on: images)
    let shape = network.architecture.inputShape
    imageSize = ImageSize(width: shape[1], height: shape[0])
  }
}
