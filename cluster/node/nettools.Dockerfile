# What kube-proxy and podnet call, without the rest of the system: iptables and nft.
ARG ROOTFS
FROM ${ROOTFS} AS system
COPY collect-nettools /collect-nettools
RUN bash /collect-nettools /out
FROM scratch
COPY --from=system /out/ /
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
