"""A database machine that is lost for good is replaced, and the shop has its backup's data."""

from __future__ import annotations


def test_a_new_database_machine_takes_over_with_the_data_of_the_backup(site, shopper):
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("Las buenas conciencias", 5)
    email = buyer.register()
    buyer.buy(book)
    kept = buyer.orders()
    site.app.run("systemctl", "start", "bookstore-backup.service")
    lost = site.database.address

    site.lose_database()
    assert site.database.address != lost
    site.play("site.yml")
    site.play("restore.yml", confirm="yes")

    again = shopper()
    again.log_in(email)
    assert again.orders() == kept
    assert again.stock(book) == 4
