# The shell in which local-path-provisioner makes and removes folders.
ARG ROOTFS
FROM ${ROOTFS} AS system
FROM scratch
COPY --from=system /bin/busybox /bin/sh
COPY --from=system /bin/busybox /bin/mkdir
COPY --from=system /bin/busybox /bin/rm
