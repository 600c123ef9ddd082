import Checkpoints
import Networks

extension CheckpointFile {
  /// The built-in network whose parameters, by names and shapes, are those of the file; `nil` if there
  /// is none. Files of others rarely say what they hold.
  ///
  /// - Parameter size: of the images; it decides how many weights Keras's VGGs have.
  func identifiedNetwork(height: Int, width: Int) -> ArchitectureSpecification? {
    let matrices = container.tensors.filter { $0.shape.rank == 2 }
    // The outputs of some dense layer are the classes.
    let candidates = Set(matrices.map { layout.isKeras ? $0.shape[1] : $0.shape[0] }).sorted()
    // Names tell PyTorch's from Keras's, except in Keras 3's older files, which have none.
    for family in NetworkFamily.all
    where family.options.isEmpty && family.name.hasPrefix("keras-") == layout.isKeras {
      for classes in candidates {
        let specification = ArchitectureSpecification(
          family: family.name, classes: classes, height: height, width: width)
        if let architecture = try? specification.architecture(),
          let match = try? match(architecture.parameterizedLayers), match.isByName
        {
          return specification
        }
      }
    }
    return nil
  }
}
